#include "gateway/hub/redis/redis_info.h"

#include <stdio.h>
#include <string.h>

static void copy(struct span s, char *out, size_t size)
{
    snprintf(out, size, "%.*s", (int)s.n, s.n > 0 ? s.p : "");
}

static void read_line(struct span name, struct span value, struct redis_info *i)
{
    uint64_t number = 0;
    if (span_is(name, "redis_version")) {
        copy(value, i->version, sizeof i->version);
        i->redis = str_number(span_cut(&value, '.'), 1000, &number);
        i->major = (unsigned)number;
    } else if (span_is(name, "redis_mode")) {
        i->sentinel = span_is(value, "sentinel");
    } else if (span_is(name, "maxmemory_policy")) {
        copy(value, i->policy, sizeof i->policy);
    } else if (span_is(name, "loading")) {
        i->loading = span_is(value, "1");
    } else if (span_is(name, "role")) {
        i->replica = span_is(value, "slave");
    } else if (span_is(name, "cluster_enabled")) {
        i->cluster = span_is(value, "1");
    } else if (span_is(name, "aof_enabled")) {
        i->appends = span_is(value, "1");
    } else if (span_is(name, "min_slaves_good_slaves")) { /* told only where some are needed */
        i->needs_replicas = true;
    }
}

void redis_info_read(struct span text, struct redis_info *out)
{
    *out = (struct redis_info){0};
    while (text.n > 0) {
        struct span line = span_line(&text);
        struct span name = span_cut(&line, ':');
        read_line(name, line, out);
    }
}

static const char *wrong_kind(const struct redis_info *i, enum redis_kind kind)
{
    if (!i->redis)
        return "does not tell its version, so it is not Redis";
    if (i->sentinel)
        return "is a Sentinel; its address is written redis+sentinel://host:port/master";
    if (i->cluster && kind != REDIS_CLUSTER)
        return "is part of a Redis Cluster; its address is written redis+cluster://host:port";
    if (!i->cluster && kind == REDIS_CLUSTER)
        return "is not part of a Redis Cluster (cluster-enabled is off); its address is written "
               "redis://host:port";
    if (i->replica)
        return "is a replica, which takes no writes; name its master";
    return NULL;
}

static const char *loses(const struct redis_info *i, enum redis_kind kind)
{
    if (!i->appends)
        return "would forget what it acknowledged when it ends; set appendonly to yes while it "
               "runs (CONFIG SET appendonly yes), and in its configuration";
    if (kind == REDIS_SENTINEL && !i->needs_replicas)
        return "would go on taking writes after another one took its place, and lose them; set "
               "min-replicas-to-write to 1 or more, and min-replicas-max-lag to a few seconds";
    return NULL;
}

enum err redis_info_check(const struct redis_info *i, enum redis_kind kind, bool *lasting,
                          char *text, size_t size)
{
    const char *wrong = wrong_kind(i, kind);
    *lasting = wrong != NULL;
    if (wrong != NULL) {
        snprintf(text, size, "%s", wrong);
        return ERR_PROTOCOL;
    }
    if (i->major < REDIS_VERSION_MIN) {
        *lasting = true;
        snprintf(text, size, "is Redis %s, which is too old: %d or later is needed", i->version,
                 REDIS_VERSION_MIN);
        return ERR_PROTOCOL;
    }
    if (strcmp(i->policy, "noeviction") != 0) {
        snprintf(text, size,
                 "may throw away what it keeps: its maxmemory-policy is %s; set it to noeviction",
                 i->policy[0] != 0 ? i->policy : "unknown");
        return ERR_PROTOCOL;
    }
    wrong = loses(i, kind);
    if (wrong != NULL)
        snprintf(text, size, "%s", wrong);
    return wrong != NULL ? ERR_PROTOCOL : ERR_OK;
}

enum redis_trouble redis_trouble(struct span error)
{
    static const struct {
        const char *begin;
        enum redis_trouble trouble;
    } table[] = {
        {"LOADING ", REDIS_WAIT},      {"MASTERDOWN ", REDIS_WAIT},
        {"CLUSTERDOWN ", REDIS_WAIT},  {"TRYAGAIN ", REDIS_WAIT},
        {"NOREPLICAS ", REDIS_WAIT},   {"BUSY ", REDIS_WAIT},
        {"OOM ", REDIS_FULL},          {"MISCONF ", REDIS_FULL},
        {"MOVED ", REDIS_MOVED},       {"ASK ", REDIS_ASK},
        {"READONLY ", REDIS_READONLY}, {"ERR Function not found", REDIS_NO_FUNCTION},
        {"WRONGPASS ", REDIS_DENIED},  {"NOAUTH ", REDIS_DENIED},
        {"NOPERM ", REDIS_DENIED},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t n = strlen(table[i].begin);
        if (error.n >= n && memcmp(error.p, table[i].begin, n) == 0)
            return table[i].trouble;
    }
    return REDIS_OTHER;
}
