#include "base/memlimit.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MAX_PATH = 4096 };

/* --- files of the kernel ---------------------------------------------------- */

static FILE *open_file(const char *root, const char *folder, const char *name)
{
    char path[MAX_PATH];
    int n = snprintf(path, sizeof path, "%s%s/%s", root, folder, name);

    return n < MAX_PATH ? fopen(path, "re") : NULL;
}

/* The number in a file; UINT64_MAX where it says "max", or there is none. */
static uint64_t read_number(const char *root, const char *folder,
                            const char *name)
{
    FILE *f = open_file(root, folder, name);
    uint64_t v = UINT64_MAX;

    if (!f)
        return v;
    if (fscanf(f, "%" SCNu64, &v) != 1)
        v = UINT64_MAX;
    fclose(f);
    return v;
}

/* The number after key in a file of such lines, "MemTotal: 1 kB"; 0 where there
 * is none. */
static uint64_t read_field(const char *root, const char *folder,
                           const char *name, const char *key)
{
    FILE *f = open_file(root, folder, name);
    char line[256], word[64];
    uint64_t v = 0, found = 0;

    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "%63s %" SCNu64, word, &v) == 2 &&
            strcmp(word, key) == 0)
            found = v;
    }
    if (f)
        fclose(f);
    return found;
}

/* --- sums -------------------------------------------------------------------- */

static uint64_t add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void lower(struct mt_memlimit *l, uint64_t most, const char *by)
{
    if (most < l->most) {
        l->most = most;
        l->by = by;
    }
}

/* --- the machine --------------------------------------------------------------- */

static uint64_t meminfo(const char *root, const char *key)
{
    return read_field(root, "/proc", "meminfo", key) * 1024;
}

static void ask_machine(const char *root, struct mt_memlimit *l)
{
    uint64_t total = meminfo(root, "MemTotal:");
    uint64_t available = meminfo(root, "MemAvailable:");

    if (total)
        lower(l, add(total, meminfo(root, "SwapTotal:")), "this machine");
    if (available)
        l->free = available;
}

/* --- control groups ------------------------------------------------------------ */

/* The names that the two versions use. */
static const struct version {
    const char *mount, *limit, *swap, *used, *cache;
    bool with_memory; /* swap is the limit of both together */
} versions[] = {
    { "/sys/fs/cgroup", "memory.max", "memory.swap.max", "memory.current",
      "inactive_file", false },
    { "/sys/fs/cgroup/memory", "memory.limit_in_bytes",
      "memory.memsw.limit_in_bytes", "memory.usage_in_bytes",
      "total_inactive_file", true },
};

/* One folder of the hierarchy. Memory that caches its files counts as free. */
static void ask_folder(const char *root, const char *folder,
                       const struct version *v, struct mt_memlimit *l)
{
    uint64_t limit = read_number(root, folder, v->limit);
    uint64_t swap = read_number(root, folder, v->swap);
    uint64_t used = read_number(root, folder, v->used);
    uint64_t all = meminfo(root, "SwapTotal:");

    if (limit == UINT64_MAX)
        return;
    lower(l,
          v->with_memory && swap != UINT64_MAX ? swap
                                               : add(limit, smaller(swap, all)),
          "its control group");
    if (used != UINT64_MAX)
        l->free = smaller(
            l->free,
            less(limit, less(used, read_field(root, folder, "memory.stat",
                                              v->cache))));
}

/* The group and all groups around it. In a container the path may be the one
 * outside; then only the container's own group is visible, at the top. */
static void ask_group(const char *root, const struct version *v,
                      const char *group, struct mt_memlimit *l)
{
    char folder[MAX_PATH];
    size_t mount = strlen(v->mount);
    int n = snprintf(folder, sizeof folder, "%s%s", v->mount, group);

    if (n < 0 || n >= MAX_PATH)
        return;
    for (char *end = folder + n;; *end = '\0') {
        ask_folder(root, folder, v, l);
        end = strrchr(folder, '/');
        if (end < folder + mount)
            return;
    }
}

static bool names_memory(const char *controllers)
{
    size_t n = strlen("memory");

    for (const char *c = controllers; c; c = strchr(c, ',')) {
        c += *c == ',';
        if (strncmp(c, "memory", n) == 0 && (c[n] == ',' || !c[n]))
            return true;
    }
    return false;
}

/* Lines like "4:memory:/user.slice" and, of version 2, "0::/user.slice". */
static void ask_groups(const char *root, struct mt_memlimit *l)
{
    FILE *f = open_file(root, "/proc/self", "cgroup");
    char line[MAX_PATH];

    while (f && fgets(line, sizeof line, f)) {
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;

        if (!group)
            continue;
        *group++ = '\0';
        group[strcspn(group, "\n")] = '\0';
        if (strcmp(group, "/") == 0)
            *group = '\0';
        if (!controllers[1])
            ask_group(root, &versions[0], group, l);
        else if (names_memory(controllers + 1))
            ask_group(root, &versions[1], group, l);
    }
    if (f)
        fclose(f);
}

/* --- this process --------------------------------------------------------------- */

static uint64_t left_of(int resource, uint64_t taken)
{
    struct rlimit r;

    if (getrlimit(resource, &r) || r.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    return less(r.rlim_cur, taken);
}

static void ask_process(const char *root, struct mt_memlimit *l)
{
    FILE *f = open_file(root, "/proc/self", "statm");
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t size = 0, resident = 0, data = 0;

    if (f && fscanf(f, "%" SCNu64 " %" SCNu64 " %*u %*u %*u %" SCNu64, &size,
                    &resident, &data) != 3)
        size = resident = data = 0;
    if (f)
        fclose(f);
    l->used = resident * page;
    l->room = smaller(left_of(RLIMIT_AS, size * page),
                      left_of(RLIMIT_DATA, data * page));
}

void mt_memlimit_read(const char *root, struct mt_memlimit *out)
{
    *out = (struct mt_memlimit){ .most = UINT64_MAX, .by = "",
                                 .free = UINT64_MAX };
    ask_machine(root, out);
    ask_groups(root, out);
    ask_process(root, out);
}

struct mt_size_text mt_size_text(uint64_t bytes)
{
    struct mt_size_text out;
    bool large = bytes >= UINT64_C(10000000000);

    snprintf(out.text, sizeof out.text, "%.1f %s",
             (double)bytes / (large ? 1e9 : 1e6), large ? "GB" : "MB");
    return out;
}
