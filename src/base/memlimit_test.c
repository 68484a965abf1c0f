/* Limits as the kernel reports them, in a folder of files that look like its
 * own. */
#include "base/memlimit.h"

#include <sys/resource.h>

#include "base/file_testing.h"

enum { KB = 1 << 10, MB = 1 << 20 };

static struct mt_memlimit limit;

/* Makes the folders that path is in. */
static void put(const char *path, const char *text)
{
    char folder[256];

    snprintf(folder, sizeof folder, "%s", path);
    for (char *p = folder; (p = strchr(p, '/')); *p++ = '/') {
        *p = '\0';
        if (*folder)
            mkdir(folder, 0700);
    }
    testing_put(path, text, strlen(text));
}

#define GROUPS "r/sys/fs/cgroup"

static void machine(void)
{
    put("r/proc/meminfo", "MemTotal:       1000000 kB\n"
                          "MemFree:         100000 kB\n"
                          "MemAvailable:    600000 kB\n"
                          "SwapCached:           7 kB\n"
                          "SwapTotal:       200000 kB\n");
}

static void ask(uint64_t most, const char *by, uint64_t left)
{
    mt_memlimit_read("r", &limit);
    ck_assert_uint_eq(limit.most, most);
    ck_assert_str_eq(limit.by, by);
    ck_assert_uint_eq(limit.free, left);
}

START_TEST(nothing_is_known_without_files)
{
    ask(UINT64_MAX, "", UINT64_MAX);
    ck_assert_uint_eq(limit.used, 0);
}
END_TEST

START_TEST(the_machine_has_memory_and_swap)
{
    machine();
    put("r/proc/self/statm", "3000 200 100 50 0 900 0\n");
    ask(UINT64_C(1200000) * KB, "this machine", UINT64_C(600000) * KB);
    ck_assert_uint_eq(limit.used, 200 * (uint64_t)sysconf(_SC_PAGESIZE));
}
END_TEST

/* The smallest limit of the group and of those around it; memory that caches
 * files counts as free. */
START_TEST(groups_of_version_2)
{
    machine();
    put("r/proc/self/cgroup", "0::/a/b\n");
    put(GROUPS "/a/b/memory.max", "max\n");
    put(GROUPS "/a/memory.max", "500000000\n");
    ask(500000000 + UINT64_C(200000) * KB, "its control group",
        UINT64_C(600000) * KB);
    put(GROUPS "/a/memory.swap.max", "10000000\n");
    put(GROUPS "/a/memory.current", "400000000\n");
    put(GROUPS "/a/memory.stat", "anon 1\ninactive_file 30000000\nfile 5\n");
    ask(510000000, "its control group", 130000000);
    put(GROUPS "/a/memory.swap.max", "0\n");
    put(GROUPS "/a/b/memory.max", "300000000\n");
    put(GROUPS "/a/b/memory.swap.max", "0\n");
    ask(300000000, "its control group", 130000000);
    put(GROUPS "/a/b/memory.max", "900000000000\n"); /* more than there is */
    put(GROUPS "/a/memory.max", "900000000000\n");
    ask(UINT64_C(1200000) * KB, "this machine", UINT64_C(600000) * KB);
}
END_TEST

/* In a container its own group is at the top, whatever its name outside. */
START_TEST(groups_of_containers)
{
    machine();
    put("r/proc/self/cgroup", "0::/\n");
    put(GROUPS "/memory.max", "200000000\n");
    put(GROUPS "/memory.swap.max", "0\n");
    ask(200000000, "its control group", UINT64_C(600000) * KB);
    put("r/proc/self/cgroup", "0::/docker/0123456789\n");
    ask(200000000, "its control group", UINT64_C(600000) * KB);
}
END_TEST

START_TEST(groups_of_version_1)
{
    machine();
    put("r/proc/self/cgroup", "5:cpu,cpuacct:/x\n4:hugetlb,memory:/a\n0::/\n");
    put(GROUPS "/memory/a/memory.limit_in_bytes", "100000000\n");
    put(GROUPS "/memory/a/memory.usage_in_bytes", "60000000\n");
    put(GROUPS "/memory/memory.limit_in_bytes", "9223372036854771712\n");
    ask(100000000 + UINT64_C(200000) * KB, "its control group", 40000000);
    put(GROUPS "/memory/a/memory.memsw.limit_in_bytes", "110000000\n");
    put(GROUPS "/memory/a/memory.stat", "total_inactive_file 7000000\n");
    ask(110000000, "its control group", 47000000);
}
END_TEST

START_TEST(ulimit_leaves_room)
{
    struct rlimit r = { 900 * (rlim_t)MB, RLIM_INFINITY };
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

    machine();
    put("r/proc/self/statm", "3000 200 100 50 0 900 0\n");
    ck_assert_int_eq(setrlimit(RLIMIT_DATA, &r), 0);
    mt_memlimit_read("r", &limit);
    ck_assert_uint_eq(limit.room, 900 * (uint64_t)MB - 900 * page);
    put("r/proc/self/statm", "30000000 200 100 50 0 29000000 0\n");
    mt_memlimit_read("r", &limit);
    ck_assert_uint_eq(limit.room, 0);
}
END_TEST

START_TEST(this_process_is_within_its_limits)
{
    mt_memlimit_read("", &limit);
    ck_assert(limit.used > 100 * KB && limit.used < limit.most);
    ck_assert(limit.free <= limit.most);
}
END_TEST

START_TEST(sizes_are_in_megabytes)
{
    ck_assert_str_eq(mt_size_text(2716800000).text, "2716.8 MB");
    ck_assert_str_eq(mt_size_text(40).text, "0.0 MB");
    ck_assert_str_eq(mt_size_text(10000000000).text, "10.0 GB");
    ck_assert_str_eq(mt_size_text(UINT64_C(3650411400000)).text, "3650.4 GB");
}
END_TEST

Suite *memlimit_suite(void);

Suite *memlimit_suite(void)
{
    Suite *s = suite_create("memlimit");
    TCase *t = tcase_create("core");

    tcase_add_checked_fixture(t, testing_enter, testing_leave);
    tcase_add_test(t, nothing_is_known_without_files);
    tcase_add_test(t, the_machine_has_memory_and_swap);
    tcase_add_test(t, groups_of_version_2);
    tcase_add_test(t, groups_of_containers);
    tcase_add_test(t, groups_of_version_1);
    tcase_add_test(t, ulimit_leaves_room);
    tcase_add_test(t, this_process_is_within_its_limits);
    tcase_add_test(t, sizes_are_in_megabytes);
    suite_add_tcase(s, t);
    return s;
}
