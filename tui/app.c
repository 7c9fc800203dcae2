#include "tui/app.h"

#include "core/base/log.h"
#include "tui/act.h"
#include "tui/admin_calls.h"
#include "tui/headless.h"
#include "tui/opener.h"
#include "tui/terminal.h"
#include "tui/watch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MS 33   /* ms between pictures, so at most 30 a second */
#define QUIET_MS 1000 /* ms; a picture at least that often, since ages and countdowns change */
#define EMPTY_MAX 3   /* wake-ups without a byte after which the terminal must be gone */
#define KEYS_AT_ONCE 256

static const int signals[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT};
enum { N_SIGNALS = sizeof signals / sizeof *signals, STOP_SIGNAL = 4 };

struct app {
    struct command *command;
    struct ui *ui;
    struct model *model, own;
    struct loop *loop;
    struct terminal *terminal; /* NULL until the first snapshot */
    struct grid grid;
    uv_poll_t keys;
    uv_signal_t signals[N_SIGNALS];
    int open_handles, empty;
    bool behind;        /* a picture waits until the terminal has taken the one before */
    struct timer *draw; /* for the next picture */
    uint64_t drawn_ms;
    struct watch *watch;
    struct admin_calls *calls;
    struct opener *opener;
    bool replay;
    double replay_now;
    int code;
};

/* ---- time ---- */

static double now(const struct app *a)
{
    return a->replay ? a->replay_now : (double)loop_now(a->loop) / 1000;
}

/* The program's time of day. */
static double time_of_day(const struct app *a)
{
    const struct model *m = a->model;
    const struct snapshot *s = m->newest.schema != 0 ? &m->newest : &m->shown;
    return a->command->clock >= 0 ? a->command->clock : s->time + (now(a) - m->heard_at);
}

static long utc_offset(const struct app *a)
{
    time_t t = (time_t)time_of_day(a);
    struct tm tm;
    return a->command->clock < 0 && localtime_r(&t, &tm) != NULL ? tm.tm_gmtoff : 0;
}

/* ---- pictures ---- */

static void fit(struct app *a)
{
    int columns, rows;
    terminal_resize(a->terminal, &columns, &rows);
    if (columns != a->grid.columns || rows != a->grid.rows)
        grid_resize(&a->grid, columns, rows); /* without memory the grid stays as it was */
    a->ui->columns = a->grid.columns;
    a->ui->rows = a->grid.rows;
    ui_settle(a->ui, a->model);
}

static void draw(void *owner)
{
    struct app *a = owner;
    terminal_flush(a->terminal);
    a->behind = terminal_behind(a->terminal);
    if (a->behind)
        return; /* the picture follows once the terminal has taken the one before */
    const struct view_context context = {.glyphs = &a->command->glyphs,
                                         .now = now(a),
                                         .time = time_of_day(a),
                                         .utc_offset = utc_offset(a),
                                         .version = TUNNEL_VERSION};
    grid_clear(&a->grid);
    view_draw(a->model, a->ui, &context, &a->grid);
    terminal_show(a->terminal, &a->grid);
    a->drawn_ms = loop_now(a->loop);
    timer_start(a->draw, QUIET_MS);
}

static void draw_soon(struct app *a)
{
    uint64_t since = loop_now(a->loop) - a->drawn_ms;
    if (a->terminal == NULL)
        return;
    if (since >= FRAME_MS)
        draw(a);
    else
        timer_start(a->draw, FRAME_MS - since);
}

/* ---- the end ---- */

static void end(struct app *a, int code)
{
    a->code = code;
    loop_stop(a->loop);
}

/* Leaves the screen before anything is printed, so that it stays visible. */
static void leave_screen(struct app *a)
{
    if (a->terminal != NULL && a->keys.data != NULL)
        uv_poll_stop(&a->keys);
    terminal_close(a->terminal);
    a->terminal = NULL;
}

/* ---- snapshots ---- */

static void look(void *owner)
{
    struct app *a = owner;
    if (!a->replay)
        watch_look(a->watch);
}

static bool open_terminal(struct app *a);

static bool on_taken(void *owner)
{
    struct app *a = owner;
    if (a->terminal == NULL && !open_terminal(a))
        return false;
    ui_settle(a->ui, a->model);
    draw_soon(a);
    return true;
}

static void on_lost(void *owner)
{
    draw_soon(owner);
}

static void on_unreached(void *owner, enum err why, const char *text)
{
    struct app *a = owner;
    end(a, headless_unreached(a->command, why, text));
}

static void on_refused(void *owner, int status, struct span body)
{
    struct app *a = owner;
    end(a, headless_refused(a->command, status, body));
}

static void on_misread(void *owner, enum err why, const char *problem)
{
    struct app *a = owner;
    leave_screen(a);
    end(a, headless_misread(a->command, why, problem));
}

static const struct watch_events watch_events = {
    .taken = on_taken,
    .lost = on_lost,
    .unreached = on_unreached,
    .refused = on_refused,
    .misread = on_misread,
};

/* ---- what the program is told to do ---- */

static void say(struct app *a, bool bad, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct app *a, bool bad, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(a->ui->message, sizeof a->ui->message, format, args);
    va_end(args);
    a->ui->message_bad = bad;
    draw_soon(a);
}

static void on_said(void *owner, bool bad, const char *text)
{
    say(owner, bad, "%s", text);
}

static void close_streams(struct app *a)
{
    uint64_t id;
    for (size_t i = 0; !a->replay && (id = ui_closing(a->ui, i)) != 0; i++)
        admin_calls_close(a->calls, id);
}

static void let_in(struct app *a)
{
    if (!a->replay)
        admin_calls_accept(a->calls, true);
}

static void let_in_nobody(struct app *a)
{
    if (!a->replay)
        admin_calls_accept(a->calls, false);
}

/* ---- keys ---- */

static void on_signal(uv_signal_t *uv, int number);

/* Stops the program as the shell's job control expects. The connection is closed first, because the
 * other side would close it meanwhile, and it would look lost. */
static void stop(struct app *a)
{
    watch_pause(a->watch);
    uv_signal_stop(&a->signals[STOP_SIGNAL]);
    terminal_suspend(a->terminal);
    raise(SIGTSTP);
    terminal_resume(a->terminal);
    uv_signal_start(&a->signals[STOP_SIGNAL], on_signal, SIGTSTP);
    uv_update_time(loop_uv(a->loop));
    fit(a);
    look(a);
}

static void copy(struct app *a)
{
    terminal_copy(a->terminal, span_of(a->ui->copied));
}

/* ---- opening ---- */

static void on_open_failed(void *owner, const char *text)
{
    say(owner, true, "%s", text);
}

/* Runs what takes this terminal; meanwhile nothing is asked of the program. */
static void run_here(struct app *a)
{
    char problem[200] = "";
    watch_pause(a->watch);
    terminal_suspend(a->terminal);
    bool ran = act_run_here(&a->ui->open, problem, sizeof problem);
    terminal_resume(a->terminal);
    uv_update_time(loop_uv(a->loop));
    fit(a);
    look(a);
    if (!ran)
        say(a, true, "%s", problem);
}

static void open_it(struct app *a)
{
    if (a->ui->open.how == OPEN_TERMINAL)
        run_here(a);
    else if (opener_start(a->opener, &a->ui->open))
        say(a, false, "opened: %.150s", a->ui->open.text);
}

static void export_rows(struct app *a)
{
    char said[200];
    bool ok =
        act_export(a->ui, a->model, time_of_day(a) + (double)utc_offset(a), said, sizeof said);
    say(a, !ok, "%s", said);
}

static void quit(struct app *a)
{
    end(a, 0);
}

static void redraw(struct app *a)
{
    terminal_redraw(a->terminal);
}

static void look_now(struct app *a)
{
    look(a);
}

static void set_mouse(struct app *a)
{
    terminal_mouse(a->terminal, a->ui->mouse);
}

static const struct {
    unsigned action;
    void (*grant)(struct app *a);
} actions[] = {
    {UI_REDRAW, redraw},       {UI_MOUSE, set_mouse},
    {UI_COPY, copy},           {UI_RETRY, look_now},
    {UI_CLOSE, close_streams}, {UI_REFRESH, look_now},
    {UI_STOP, stop},           {UI_QUIT, quit},
    {UI_ACCEPT, let_in},       {UI_REJECT, let_in_nobody},
    {UI_OPEN, open_it},        {UI_EXPORT, export_rows},
};

static void grant(struct app *a, unsigned requested)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if ((requested & actions[i].action) != 0)
            actions[i].grant(a);
}

static void take_key(struct app *a, const struct terminal_key *key)
{
    if (key->key == UIKEY_CLICK)
        grant(a, ui_click(a->ui, a->model, key->row, key->column, key->button));
    else if (key->key != UIKEY_NONE)
        grant(a, ui_key(a->ui, a->model, key->key));
}

/* Takes all keys that can be read now as one read, however the terminal split them. False: there
 * were none. */
static bool take_keys(struct app *a)
{
    struct terminal_key keys[KEYS_AT_ONCE];
    int n;
    a->ui->read = 0;
    do {
        for (n = 0; n < KEYS_AT_ONCE && terminal_key(a->terminal, &keys[n]); n++)
            a->ui->read++;
        for (int i = 0; i < n; i++)
            take_key(a, &keys[i]);
    } while (n == KEYS_AT_ONCE);
    return a->ui->read > 0;
}

static void on_terminal(uv_poll_t *uv, int status, int events)
{
    struct app *a = uv->data;
    int waiting = 0;
    (void)status, (void)events;
    bool went = terminal_flush(a->terminal), any = take_keys(a);
    a->empty = any || went ? 0 : a->empty + 1;
    if (a->empty >= EMPTY_MAX && (ioctl(STDIN_FILENO, FIONREAD, &waiting) != 0 || waiting == 0))
        end(a, 0);
    else if (any || a->behind)
        draw(a);
}

static void on_signal(uv_signal_t *uv, int number)
{
    struct app *a = uv->data;
    if (number == SIGTERM || number == SIGHUP || number == SIGINT) {
        end(a, 0);
    } else if (a->terminal == NULL) {
        if (number == SIGTSTP)
            raise(SIGSTOP);
    } else if (number == SIGTSTP) {
        stop(a);
        draw(a);
    } else {
        if (number == SIGCONT)
            terminal_resume(a->terminal);
        fit(a);
        draw(a);
    }
}

/* ---- life ---- */

static void log_to_screen(void *owner, enum log_level level, const char *line)
{
    struct app *a = owner;
    if (level <= LOG_WARNING)
        model_note(a->model, "note", time_of_day(a), "%s", line);
}

static bool open_terminal(struct app *a)
{
    char problem[200];
    struct terminal_options o = {.color = a->command->color, .mouse = a->ui->mouse};
    a->terminal = terminal_open(&o, problem, sizeof problem);
    if (a->terminal == NULL) {
        fprintf(stderr, "tunnel-tui: %s; --once needs none\n", problem);
        end(a, 1);
        return false;
    }
    log_redirect(log_to_screen, a);
    if (uv_poll_init(loop_uv(a->loop), &a->keys, terminal_fd(a->terminal)) == 0)
        a->keys.data = a;
    if (a->keys.data == NULL || uv_poll_start(&a->keys, UV_READABLE, on_terminal) != 0) {
        leave_screen(a);
        fprintf(stderr, "tunnel-tui: the terminal cannot be waited for; --once needs none\n");
        end(a, 1);
        return false;
    }
    fit(a);
    draw(a);
    return true;
}

static bool begin(struct app *a)
{
    static const struct admin_calls_events calls = {.said = on_said, .changed = look};
    a->loop = loop_new();
    if (a->loop == NULL)
        return false;
    for (int i = 0; i < N_SIGNALS; i++) {
        uv_signal_init(loop_uv(a->loop), &a->signals[i]);
        a->signals[i].data = a;
        uv_signal_start(&a->signals[i], on_signal, signals[i]);
        a->open_handles++;
    }
    a->draw = timer_new(a->loop, draw, a);
    a->watch = watch_new(a->loop, a->command->path, a->ui, a->model, &watch_events, a);
    a->calls = admin_calls_new(a->loop, a->command->path, &calls, a);
    a->opener = opener_new(a->loop, on_open_failed, a);
    return a->draw != NULL && a->opener != NULL && a->watch != NULL && a->calls != NULL;
}

static void finish(struct app *a)
{
    loop_block_signals();
    leave_screen(a);
    log_redirect(NULL, NULL);
    watch_free(a->watch);
    admin_calls_free(a->calls);
    timer_free(a->draw);
    opener_free(a->opener);
    if (a->keys.data != NULL)
        uv_close((uv_handle_t *)&a->keys, NULL);
    for (int i = 0; i < a->open_handles; i++)
        uv_close((uv_handle_t *)&a->signals[i], NULL);
    if (a->loop != NULL)
        loop_free(a->loop);
    grid_free(&a->grid);
    model_free(&a->own);
}

int app_run(struct command *c, struct model *model, double replay_now)
{
    static struct app app; /* 100 kB */
    struct app *a = &app;
    *a = (struct app){.command = c, .ui = &c->ui, .model = model, .replay = model != NULL};
    a->replay_now = replay_now;
    act_surroundings(a->ui);
    model_init(&a->own, c->path);
    if (model == NULL)
        a->model = &a->own;
    if (!isatty(STDIN_FILENO)) {
        fprintf(stderr, "tunnel-tui: stdin is not a terminal; --once needs none\n");
        return 1;
    }
    if (!begin(a)) {
        fprintf(stderr, "tunnel-tui: %s\n", err_text(ERR_NO_MEMORY));
        a->code = 1;
    } else if (a->replay) {
        if (open_terminal(a))
            loop_run(a->loop);
    } else {
        look(a);
        loop_run(a->loop);
    }
    finish(a);
    return a->code;
}
