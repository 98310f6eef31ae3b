// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Which programs an upgrade may run. As root, who can give files away; else only what needs no
// other user.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard/upgrade/program.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define STRANGER 4711

static char folder[64];
static struct heritage heritage;
static char why[VAULT_WHY_BYTES];

static const char *in_folder(const char *name)
{
    static char paths[4][PATH_MAX];
    static unsigned n;
    char *path = paths[n++ % 4];
    snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return path;
}

static void make_file(const char *name)
{
    int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_TRUNC, 0755);
    assert_true(fd >= 0);
    close(fd);
}

static int set_up(void **state)
{
    (void)state;
    umask(022);
    // In the sticky folder of everybody, on purpose.
    snprintf(folder, sizeof folder, "/tmp/stayd-program-XXXXXX");
    if (!mkdtemp(folder) || chmod(folder, 0755) < 0 || mkdir(in_folder("bin"), 0755) < 0)
        return -1;
    make_file("bin/stayd");
    make_file("present");
    heritage = (struct heritage){.program = strdup(in_folder("present"))};
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"bin/stayd", "bin/link", "present", "link", "far", "loop"};
    (void)state;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        unlink(in_folder(names[i]));
    rmdir(in_folder("bin"));
    free(heritage.program);
    return rmdir(folder);
}

static bool may_run(const char *path)
{
    why[0] = '\0';
    int fd = program_open(&heritage, path, why);
    struct stat opened;
    struct stat there;
    if (fd < 0)
        return false;
    assert_int_equal(fstat(fd, &opened) | stat(path, &there), 0);
    assert_true(opened.st_dev == there.st_dev && opened.st_ino == there.st_ino);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
    return true;
}

static void assert_refused(const char *path, const char *whose)
{
    char words[128];
    assert_false(may_run(path));
    snprintf(words, sizeof words, "others than root can change %s;", whose);
    assert_non_null(strstr(why, words));
}

static void the_present_ones_path_and_what_is_named_are_the_users_own(void **state)
{
    char names[256];
    (void)state;
    assert_int_equal(chmod(folder, 0777), 0);
    assert_true(may_run(heritage.program));
    assert_false(may_run(in_folder("bin/stayd")));
    snprintf(names, sizeof names, "/nowhere,%s,%sx", in_folder("bin/stayd"), in_folder("bin/stay"));
    heritage.conf.upgrade_programs = names;
    assert_true(may_run(in_folder("bin/stayd")));
    assert_false(may_run(in_folder("bin/stay")));
    assert_false(may_run(in_folder("bin/../bin/stayd")));
    heritage.conf.upgrade_programs = NULL;
}

static void a_link_to_the_present_one_does_not_become_its_path(void **state)
{
    (void)state;
    assert_int_equal(symlink("present", in_folder("link")), 0);
    assert_string_equal(program_choose(&heritage, in_folder("link")), heritage.program);
    assert_string_equal(program_choose(&heritage, ""), heritage.program);
    assert_string_equal(program_choose(&heritage, in_folder("bin/stayd")), in_folder("bin/stayd"));
    assert_string_equal(program_choose(&heritage, "/nowhere"), "/nowhere");
}

static void what_is_not_there_is_said(void **state)
{
    (void)state;
    assert_false(may_run("/nowhere/stayd"));
    assert_string_equal(why, "it cannot be run: No such file or directory: /nowhere");
    assert_false(may_run("/etc/passwd/stayd"));
    assert_non_null(strstr(why, "Not a directory"));
    unlink(heritage.program);
    assert_false(may_run(heritage.program));
    assert_non_null(strstr(why, "it cannot be run: No such file or directory"));
}

static void what_is_roots_all_the_way_may_run(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_true(may_run(in_folder("bin/stayd")));
    assert_true(may_run(in_folder("bin//.././bin/stayd")));
    assert_int_equal(symlink("bin", in_folder("link")), 0);
    assert_int_equal(symlink("../link/stayd", in_folder("bin/link")), 0);
    assert_int_equal(symlink(in_folder("bin/link"), in_folder("far")), 0);
    assert_true(may_run(in_folder("far")));
    assert_int_equal(symlink("loop", in_folder("loop")), 0);
    assert_false(may_run(in_folder("loop")));
    assert_non_null(strstr(why, "Too many levels of symbolic links"));
}

static void one_place_on_the_way_that_is_another_users_is_enough(void **state)
{
    static const char *const places[] = {"", "bin", "bin/stayd"};
    (void)state;
    if (geteuid() != 0)
        skip();
    for (unsigned i = 0; i < 3; i++) {
        const char *place = *places[i] ? in_folder(places[i]) : folder;
        assert_int_equal(chown(place, STRANGER, 0), 0);
        assert_refused(in_folder("bin/stayd"), place);
        assert_int_equal(chown(place, 0, 0), 0);
        assert_int_equal(chmod(place, 0775), 0);
        assert_refused(in_folder("bin/stayd"), place);
        assert_int_equal(chmod(place, 0757), 0);
        assert_refused(in_folder("bin/stayd"), place);
        assert_int_equal(chmod(place, 0755), 0);
        assert_true(may_run(in_folder("bin/stayd")));
    }
    // The sticky bit helps a folder, and nothing else.
    assert_int_equal(chmod(in_folder("bin"), 01777), 0);
    assert_true(may_run(in_folder("bin/stayd")));
    assert_int_equal(chmod(in_folder("bin/stayd"), 01757), 0);
    assert_refused(in_folder("bin/stayd"), in_folder("bin/stayd"));
}

static void a_link_counts_as_a_place_and_so_do_its_folders(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(symlink(in_folder("bin/stayd"), in_folder("far")), 0);
    assert_true(may_run(in_folder("far")));
    assert_int_equal(lchown(in_folder("far"), STRANGER, 0), 0);
    assert_refused(in_folder("far"), in_folder("far"));
    assert_int_equal(symlink("../present", in_folder("bin/link")), 0);
    assert_true(may_run(in_folder("bin/link")));
    assert_int_equal(chown(in_folder("bin"), STRANGER, 0), 0);
    assert_refused(in_folder("bin/link"), in_folder("bin"));
}

// Every user may mount one (fusermount(1)), and show files in it as root's.
static void in_a_file_system_of_fuse_nothing_is_roots(void **state)
{
    char options[64];
    int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    (void)state;
    snprintf(options, sizeof options, "fd=%d,rootmode=40755,user_id=%d,group_id=0", fuse, STRANGER);
    if (fuse < 0 || unshare(CLONE_NEWNS) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        skip();
    if (mount("program-test", in_folder("bin"), "fuse", MS_NOSUID | MS_NODEV, options) != 0) {
        close(fuse);
        skip();
    }
    bool is_run = may_run(in_folder("bin/stayd"));
    assert_int_equal(umount2(in_folder("bin"), MNT_DETACH), 0);
    close(fuse);
    assert_false(is_run);
    assert_non_null(strstr(why, "others than root can change"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_present_ones_path_and_what_is_named_are_the_users_own),
        TEST(a_link_to_the_present_one_does_not_become_its_path),
        TEST(what_is_not_there_is_said),
        TEST(what_is_roots_all_the_way_may_run),
        TEST(one_place_on_the_way_that_is_another_users_is_enough),
        TEST(a_link_counts_as_a_place_and_so_do_its_folders),
        TEST(in_a_file_system_of_fuse_nothing_is_roots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
