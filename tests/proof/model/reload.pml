#ifndef RELOAD
#define reload_is_due false
inline check_opening(n)
{
    skip
}
inline check_worker()
{
    skip
}
inline set_conf(n)
{
    skip
}
#endif
