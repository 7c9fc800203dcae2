/* tunnel-tui shows a gateway, agent or hub on one screen. */
#include "core/base/file.h"
#include "core/base/process.h"
#include "core/base/text.h"
#include "tui/app.h"
#include "tui/headless.h"
#include "tui/print_tables.h"
#include "tui/replay.h"
#include "tui/socket_path.h"
#include "tui/view/render.h"

#include <locale.h>
#include <string.h>
#include <time.h>

#define TEXT_MAX ((size_t)64 << 20)

enum { EXIT_FINE, EXIT_FAILED, EXIT_USAGE };

/* A snapshot of thousands of streams takes megabytes while it is read, once a second. Handing the
 * pages back to the kernel and faulting them in again took four times as long as reading. */
static void keep_pages(void)
{
    process_memory(32 << 20, 256 << 20);
}

static int print(struct buf *out, bool ok)
{
    ok = ok && fwrite(out->data, 1, out->size, stdout) == out->size && fflush(stdout) == 0;
    buf_free(out);
    return ok ? EXIT_FINE : EXIT_FAILED;
}

static int render(struct command *c, struct model *m, double now)
{
    struct grid g = {0};
    struct buf out = {.limit = TEXT_MAX};
    const struct view_context context = {.glyphs = &c->glyphs,
                                         .now = now,
                                         .time = c->clock >= 0 ? c->clock : m->shown.time,
                                         .version = TUNNEL_VERSION};
    bool ok = grid_resize(&g, c->columns, c->rows);
    if (ok)
        view_draw(m, &c->ui, &context, &g);
    ok = ok && render_grid(&g, c->roles, &out);
    grid_free(&g);
    return print(&out, ok);
}

static int show_replay(struct command *c, struct model *m, double now)
{
    struct buf out = {.limit = TEXT_MAX};
    if (c->keys != NULL)
        replay_keys(span_of(c->keys), m, &c->ui);
    switch (c->mode) {
    case MODE_RENDER:
        return render(c, m, now);
    case MODE_ONCE:
        return print(&out, print_tables(m, &c->ui, c->pane, 0, &out));
    default:
        return app_run(c, m, now);
    }
}

static int replay(struct command *c)
{
    static struct model m; /* 50 kB */
    struct span text;
    char problem[300];
    double now = 0;
    c->ui.columns = c->columns > 0 ? c->columns : 80;
    c->ui.rows = c->rows > 0 ? c->rows : 24;
    if (file_read(c->replay, REPLAY_MAX, &text, problem, sizeof problem) != ERR_OK) {
        text_line(stderr, "tunnel-tui: %s", problem);
        return EXIT_FAILED;
    }
    model_init(&m, "a recording");
    enum err why = replay_play(text, &m, &c->ui, &now, problem, sizeof problem);
    int code = EXIT_FAILED;
    if (why == ERR_OK)
        code = show_replay(c, &m, now);
    else
        text_line(stderr, "tunnel-tui: %s: %s", c->replay, problem);
    file_wipe(&text);
    model_free(&m);
    return code;
}

static int run(struct command *c)
{
    char problem[1200];
    if (c->replay != NULL)
        return replay(c);
    if (c->path[0] == '\0' && !socket_path_find(c->program, process_environment, c->path,
                                                sizeof c->path, problem, sizeof problem)) {
        fprintf(stderr, "tunnel-tui: %s\n", problem);
        return EXIT_FAILED;
    }
    return c->mode == MODE_SCREEN ? app_run(c, NULL, 0) : headless_run(c);
}

/* Checks options and recording. The socket is not tried, because the program behind it need not run
 * yet. */
static int check(const struct command *c, const struct options *o)
{
    struct span text;
    char problem[300];
    if (c->replay != NULL &&
        file_read(c->replay, REPLAY_MAX, &text, problem, sizeof problem) != ERR_OK) {
        text_line(stderr, "tunnel-tui: %s", problem);
        return EXIT_FAILED;
    }
    if (c->replay != NULL)
        file_wipe(&text);
    program_checked(&command_program, o);
    return EXIT_FINE;
}

/* Looks for --check-config even if the options cannot be read up to it, since their error is then
 * the answer. */
static bool asks_for_check(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--check-config") == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    static struct command c;
    struct options *o;
    process_begin();
    setlocale(LC_CTYPE, ""); /* LC_NUMERIC stays "C" */
    keep_pages();
    enum program_next next = command_read(&c, argc, argv, &o);
    int code = next == PROGRAM_DONE         ? EXIT_FINE
               : asks_for_check(argc, argv) ? EXIT_FAILED /* the exit code that all programs have */
                                            : EXIT_USAGE;
    if (next == PROGRAM_GO)
        code = options_flag(o, "check-config") ? check(&c, o) : run(&c);
    options_free(o);
    return code;
}
