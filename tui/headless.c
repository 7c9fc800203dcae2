#include "tui/headless.h"

#include "core/base/text.h"
#include "core/control/client/admin_client.h"
#include "tui/print_tables.h"
#include "tui/socket_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEXT_MAX ((size_t)64 << 20)
/* The connection is not kept over longer pauses, because the server would close it. */
#define REST_SECONDS 10

enum { EXIT_FINE, EXIT_UNREACHED, EXIT_USAGE, EXIT_HUB_DOWN, EXIT_NO_DEVICE };

struct fetch {
    const struct command *command;
    struct loop *loop;
    struct admin_client *watch;
    struct timer *timer;
    struct model model;
    bool ended; /* code holds the exit code */
    int code;
    uint64_t printed;
};

/* ---- errors ---- */

int headless_unreached(const struct command *c, enum err why, const char *text)
{
    char hint[300], quoted[600];
    socket_path_hint(why, c->program, hint, sizeof hint);
    text_line(stderr, "tunnel-tui: cannot reach %s at %s: %s", c->program,
              str_escape(span_of(c->path), quoted, sizeof quoted), text);
    if (hint[0] != '\0')
        text_line(stderr, "%s", hint);
    return EXIT_UNREACHED;
}

int headless_refused(const struct command *c, int status, struct span body)
{
    char quoted[300], path[600];
    text_line(stderr, "tunnel-tui: %s answered %d: %s",
              str_escape(span_of(c->path), path, sizeof path), status,
              str_escape(span_trim_lines(body), quoted, sizeof quoted));
    return EXIT_UNREACHED;
}

int headless_misread(const struct command *c, enum err why, const char *problem)
{
    char quoted[600];
    text_line(stderr, "tunnel-tui: the snapshot of %s cannot be read: %s",
              str_escape(span_of(c->path), quoted, sizeof quoted), problem);
    if (why == ERR_UNSUPPORTED)
        fprintf(stderr, "it is of another version than tunnel-tui %s\n", TUNNEL_VERSION);
    return EXIT_UNREACHED;
}

static void end(struct fetch *f, int code)
{
    f->ended = true;
    f->code = code;
    loop_stop(f->loop);
}

/* Prints bytes. False: stdout is closed, or the disk is full. */
static bool print(struct fetch *f, const void *p, size_t n)
{
    if (fwrite(p, 1, n, stdout) == n && fflush(stdout) == 0)
        return true;
    if (errno != EPIPE)
        fprintf(stderr, "tunnel-tui: cannot write: %s\n", strerror(errno));
    end(f, EXIT_UNREACHED);
    return false;
}

/* Prints JSON as it came, on a line of its own. */
static bool print_text(struct fetch *f, struct span json)
{
    struct buf shown = {.limit = 6 * TEXT_MAX};
    bool ok = text_put_json(&shown, json) && buf_append(&shown, "\n", 1);
    if (ok)
        ok = print(f, shown.data, shown.size);
    else
        end(f, headless_unreached(f->command, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY)));
    buf_free(&shown);
    return ok;
}

/* ---- modes ---- */

static bool read_snapshot(struct fetch *f, struct span body)
{
    struct snapshot s;
    char problem[200];
    enum err why = snapshot_read(body, &s, problem, sizeof problem);
    if (why == ERR_OK)
        model_take(&f->model, &s, 0);
    else
        end(f, headless_misread(f->command, why, problem));
    return why == ERR_OK;
}

static long utc_offset(double at)
{
    time_t t = (time_t)at;
    struct tm tm;
    return localtime_r(&t, &tm) != NULL ? tm.tm_gmtoff : 0;
}

static void print_once(struct fetch *f)
{
    const struct command *c = f->command;
    struct buf out = {.limit = TEXT_MAX};
    long offset = c->clock >= 0 ? 0 : utc_offset(f->model.shown.time);
    if (!print_tables(&f->model, &c->ui, c->pane, offset, &out))
        fprintf(stderr, "tunnel-tui: %s\n", err_text(ERR_NO_MEMORY));
    print(f, out.data, out.size);
    buf_free(&out);
}

static void print_json(struct fetch *f, struct span body)
{
    if (print_text(f, span_trim_lines(body)))
        f->printed++;
}

static int checked(struct fetch *f)
{
    if (!f->command->check)
        return EXIT_FINE;
    struct buf out = {.limit = TEXT_MAX};
    static const int codes[] = {[HEALTH_FINE] = EXIT_FINE,
                                [HEALTH_HUB_DOWN] = EXIT_HUB_DOWN,
                                [HEALTH_NO_DEVICE] = EXIT_NO_DEVICE};
    enum health health = print_health(&f->model, &out);
    if (f->command->mode == MODE_CHECK)
        print(f, out.data, out.size);
    buf_free(&out);
    return codes[health];
}

static void ask(void *owner)
{
    struct fetch *f = owner;
    char target[MODEL_TARGET] = "/v1/snapshot";
    if (f->printed > 0)
        model_target(&f->model, &(struct model_wanted){0}, target);
    admin_client_ask(f->watch, "GET", target);
}

static void show(struct fetch *f, struct span body)
{
    const struct command *c = f->command;
    if (c->mode == MODE_JSON)
        print_json(f, body);
    else if (c->mode == MODE_ONCE)
        print_once(f);
    if (f->ended)
        return;
    if (c->interval == 0 || f->printed == c->count) {
        end(f, checked(f));
        return;
    }
    if (c->interval >= REST_SECONDS)
        admin_client_close(f->watch);
    timer_start(f->timer, (uint64_t)(c->interval * 1000));
}

/* ---- answers ---- */

/* Whether the mode has to read the snapshot. A single object is passed on as it is, even with
 * another schema. */
static bool is_read(const struct command *c)
{
    return c->mode != MODE_JSON || c->check || c->interval > 0;
}

static void on_answer(void *owner, int status, struct span body)
{
    struct fetch *f = owner;
    if (status != 200)
        end(f, headless_refused(f->command, status, body));
    else if (!is_read(f->command) || read_snapshot(f, body))
        show(f, body);
}

static void on_line(void *owner, struct span line)
{
    struct fetch *f = owner;
    print_text(f, line);
}

static void on_lost(void *owner, enum err why, const char *text)
{
    struct fetch *f = owner;
    end(f, headless_unreached(f->command, why, text));
}

static const struct admin_client_events events = {
    .answer = on_answer, .line = on_line, .lost = on_lost};

int headless_run(const struct command *c)
{
    struct fetch f = {.command = c, .loop = loop_new(), .code = EXIT_UNREACHED};
    if (f.loop == NULL)
        return headless_unreached(c, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
    model_init(&f.model, c->path);
    f.watch = admin_client_new(f.loop, c->path, &events, &f);
    f.timer = timer_new(f.loop, ask, &f);
    if (f.watch == NULL || f.timer == NULL)
        fprintf(stderr, "tunnel-tui: %s\n", err_text(ERR_NO_MEMORY));
    else if (c->mode == MODE_EVENTS)
        admin_client_follow(f.watch, "/v1/events");
    else
        ask(&f);
    loop_run(f.loop);
    admin_client_free(f.watch);
    timer_free(f.timer);
    model_free(&f.model);
    loop_free(f.loop);
    return f.code;
}
