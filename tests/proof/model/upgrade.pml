#ifndef UPGRADE
inline count_death()
{
    skip
}
#endif
