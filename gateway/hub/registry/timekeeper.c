#include "gateway/hub/registry/timekeeper.h"

#include "core/base/clock.h"
#include "core/base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define JUMP_MS 5000 /* smaller steps are corrections by time servers, and are followed */
#define SAVE_MS 600000
#define AWAY_MS 3600000 /* a longer absence is logged */
#define LINE 128
#define BOOT 40

struct timekeeper {
    struct loop *loop;
    char *path;
    int64_t (*wall)(void), (*steady)(void);
    char boot[BOOT];
    int64_t aside;              /* ms by which the system's clock is ahead of ours */
    int64_t wall_at, steady_at; /* both clocks when last read */
    int64_t saved_at;           /* by the steady clock: when hub.clock was last written */
    bool jumped;                /* a jump has happened since the last save */
    struct saving *saving;      /* NULL unless a save is in progress */
};

/* A line for the file, which a worker thread writes. */
struct saving {
    uv_work_t work;
    struct timekeeper *keeper; /* used by the loop; NULL when the timekeeper is gone */
    char line[LINE];
    char *path;
};

static int64_t system_steady(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void read_line(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "re");
    out[0] = '\0';
    if (f == NULL)
        return;
    if (fgets(out, (int)size, f) == NULL)
        out[0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    fclose(f);
}

/* ---- saving ---- */

static void describe(const struct timekeeper *t, char line[LINE])
{
    snprintf(line, LINE, "1 %lld %lld %lld %s\n", (long long)t->aside, (long long)t->wall_at,
             (long long)t->steady_at, t->boot);
}

/* Writes the file as a whole or not at all. A failure, as on a full disk, is made good by a later
 * try. */
static void write_line(const char *path, const char *line)
{
    char other[4096];
    if (snprintf(other, sizeof other, "%s.new", path) >= (int)sizeof other)
        return;
    int fd = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    size_t n = strlen(line);
    bool whole = write(fd, line, n) == (ssize_t)n && fsync(fd) == 0;
    close(fd);
    if (!whole || rename(other, path) != 0)
        unlink(other);
}

static void work(uv_work_t *w)
{
    const struct saving *s = w->data;
    write_line(s->path, s->line);
}

static void after_work(uv_work_t *w, int status)
{
    struct saving *s = w->data;
    (void)status;
    if (s->keeper != NULL)
        s->keeper->saving = NULL;
    free(s->path);
    free(s);
}

static void save(struct timekeeper *t)
{
    struct saving *s = calloc(1, sizeof *s);
    if (s == NULL || (s->path = strdup(t->path)) == NULL) {
        free(s);
        return;
    }
    s->work.data = s;
    s->keeper = t;
    describe(t, s->line);
    if (uv_queue_work(loop_uv(t->loop), &s->work, work, after_work) != 0) {
        free(s->path);
        free(s);
        return;
    }
    t->saving = s;
    t->saved_at = t->steady_at;
    t->jumped = false;
}

void timekeeper_tick(struct timekeeper *t)
{
    if (t->saving == NULL && (t->jumped || t->steady_at - t->saved_at >= SAVE_MS))
        save(t);
}

/* ---- time ---- */

static void put_aside(struct timekeeper *t, int64_t ms, const char *when)
{
    int64_t seconds = (ms < 0 ? -ms : ms) / 1000;
    log_warning("the system's clock jumped %s by %lld h %lld min %lld s%s; tunnels live as long as "
                "they would have without that",
                ms < 0 ? "back" : "forward", (long long)(seconds / 3600),
                (long long)(seconds / 60 % 60), (long long)(seconds % 60), when);
    t->aside += ms;
    t->jumped = true;
}

static int64_t look(struct timekeeper *t, const char *when)
{
    int64_t wall = t->wall(), steady = t->steady();
    int64_t jump = (wall - t->wall_at) - (steady - t->steady_at);
    t->wall_at = wall;
    t->steady_at = steady;
    if (jump >= JUMP_MS || jump <= -JUMP_MS)
        put_aside(t, jump, when);
    return wall - t->aside;
}

int64_t timekeeper_now(struct timekeeper *t)
{
    return look(t, "");
}

int64_t timekeeper_wall(const struct timekeeper *t, int64_t at)
{
    return at + t->aside;
}

/* ---- from one run to the next ---- */

/* Takes up the time after a reboot, whose duration is unknown. */
static void after_boot(struct timekeeper *t, int64_t seen)
{
    int64_t away = t->wall_at - seen;
    if (away < 0)
        put_aside(t, away, " over a restart of the machine");
    else if (away >= AWAY_MS)
        log_warning("by the system's clock the hub was away for %lld h %lld min, over a restart of "
                    "the machine: tunnels whose lifetime ended meanwhile are closed",
                    (long long)(away / 3600000), (long long)(away / 60000 % 60));
}

static void resume(struct timekeeper *t)
{
    char line[LINE], boot[BOOT];
    long long aside, wall, steady;
    read_line(t->path, line, sizeof line);
    if (line[0] == '\0')
        return;
    if (sscanf(line, "1 %lld %lld %lld %39s", &aside, &wall, &steady, boot) != 4) {
        log_warning("%s makes no sense; it is written anew", t->path);
        return;
    }
    t->aside = aside;
    if (strcmp(boot, t->boot) == 0) {
        t->wall_at = wall;
        t->steady_at = steady;
        look(t, " while the hub was away");
    } else {
        after_boot(t, wall);
    }
}

struct timekeeper *timekeeper_new(const struct timekeeper_options *o)
{
    struct timekeeper *t = calloc(1, sizeof *t);
    if (t == NULL || asprintf(&t->path, "%s/hub.clock", o->folder) < 0) {
        free(t);
        return NULL;
    }
    t->loop = o->loop;
    t->wall = o->wall != NULL ? o->wall : clock_wall_ms;
    t->steady = o->steady != NULL ? o->steady : system_steady;
    if (o->boot != NULL)
        snprintf(t->boot, sizeof t->boot, "%s", o->boot);
    else
        read_line("/proc/sys/kernel/random/boot_id", t->boot, sizeof t->boot);
    if (t->boot[0] == '\0')
        snprintf(t->boot, sizeof t->boot, "unknown");
    t->wall_at = t->wall();
    t->steady_at = t->steady();
    resume(t);
    t->saved_at = t->steady_at - SAVE_MS; /* due with the first tick */
    return t;
}

/* A line that is being written already is not much older, so it need not be waited for. */
void timekeeper_save(struct timekeeper *t)
{
    char line[LINE];
    if (t->saving != NULL && uv_cancel((uv_req_t *)&t->saving->work) != 0)
        return;
    look(t, "");
    describe(t, line);
    write_line(t->path, line);
}

void timekeeper_free(struct timekeeper *t)
{
    if (t == NULL)
        return;
    if (t->saving != NULL) {
        t->saving->keeper = NULL; /* after_work is still to be called and frees it */
        uv_cancel((uv_req_t *)&t->saving->work);
    }
    free(t->path);
    free(t);
}
