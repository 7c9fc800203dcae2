#include "tui/command.h"

#include "core/base/process.h"
#include "tui/socket_path.h"
#include "tui/view/theme.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct option watch_table[] = {
    {.name = "socket",
     .argument = "PATH",
     .env = "TUNNEL_TUI_SOCKET",
     .help = "The control socket of the program to watch. Default: that of tunnel-gateway, in "
             "$XDG_RUNTIME_DIR, else in /run."},
    {.name = "program",
     .argument = "NAME",
     .fallback = "tunnel-gateway",
     .help = "Watch another program at its default socket: tunnel-agent (or agent) or tunnel-hub "
             "(hub)."},
    {.name = "refresh",
     .argument = "TIME",
     .fallback = "1",
     .help = "Time between two looks: 0.2 to 10 seconds, or 200ms to 10s. Keys + and -."},
};

static const struct option look_table[] = {
    {.name = "filter",
     .argument = "WORDS",
     .help = "Show only what matches, such as \"SSH1 down>1M\"; key ? has the rules. Also for "
             "--once."},
    {.name = "sort",
     .argument = "COLUMN",
     .help = "Sort streams by a column's title; - in front reverses (--sort=-age). Also for "
             "--once."},
    {.name = "units",
     .argument = "bytes|bits",
     .fallback = "bytes",
     .help = "Rates in bytes or bits a second. Key u."},
    {.name = "color",
     .argument = "auto|never|16|256",
     .fallback = "auto",
     .help = "How many colours; auto heeds NO_COLOR and the terminal."},
    {.name = "ascii", .help = "Nothing but ASCII on the screen, as where the locale is not UTF-8."},
    {.name = "graph",
     .argument = "braille|blocks|ascii",
     .env = "TUNNEL_TUI_GRAPH",
     .help = "What graphs are made of. Default: braille in terminals known to show it, else "
             "blocks. Key B."},
    {.name = "mouse", .help = "Clicks and the wheel do something. Key M."},
    {.name = "copy", .help = "Key y may put text onto the terminal's clipboard (OSC 52)."},
};

static const struct option script_table[] = {
    {.name = "once",
     .help = "Print tables and exit; also when the output is not a terminal.",
     .flags = OPTION_CLI_ONLY},
    {.name = "pane",
     .argument = "services|streams|log|tunnels",
     .help = "With --once, only that; at a hub tunnels and streams are the same.",
     .flags = OPTION_CLI_ONLY},
    {.name = "json",
     .help = "Print the snapshot as one JSON object, on one line.",
     .flags = OPTION_CLI_ONLY},
    {.name = "interval",
     .argument = "TIME",
     .help = "With --json: again and again, each with the samples and events that are new.",
     .flags = OPTION_CLI_ONLY},
    {.name = "count",
     .argument = "N",
     .help = "With --interval: so often. Default: for ever.",
     .flags = OPTION_CLI_ONLY},
    {.name = "events",
     .help = "Print what happens from now on, one JSON object a line.",
     .flags = OPTION_CLI_ONLY},
    {.name = "check",
     .help = "Exit 3 when a tunnel has no connection to its hub; alone, say in one line how it is.",
     .flags = OPTION_CLI_ONLY},
};

static const struct option replay_table[] = {
    {.name = "replay",
     .argument = "FILE",
     .help = "Show a recording (of --json --interval 1, or --events) instead of a program; - is "
             "stdin.",
     .flags = OPTION_CLI_ONLY},
    {.name = "render",
     .argument = "COLSxROWS",
     .help = "Print the screen in that size as text and exit. With --replay.",
     .flags = OPTION_CLI_ONLY},
    {.name = "keys",
     .argument = "KEYS",
     .help = "Keys to press first, such as \"j<Enter>\". With --replay.",
     .flags = OPTION_CLI_ONLY},
    {.name = "clock",
     .argument = "SECONDS",
     .help = "The time of day to show, since 1970, in UTC. With --replay.",
     .flags = OPTION_CLI_ONLY},
    {.name = "roles",
     .help = "With --render: what each cell is for, as a letter, instead of its character.",
     .flags = OPTION_CLI_ONLY},
};

static const struct option_group watch_options = OPTION_GROUP("What to watch", watch_table);
static const struct option_group look_options = OPTION_GROUP("How it looks", look_table);
static const struct option_group script_options = OPTION_GROUP("For scripts", script_table);
static const struct option_group replay_options = OPTION_GROUP("Recordings", replay_table);
static const struct option_group *const groups[] = {
    &watch_options,  &look_options,          &script_options,
    &replay_options, &program_check_options, &program_options,
};

const struct program command_program = {
    .name = "tunnel-tui",
    .summary = "tunnel-tui shows what goes on in a tunnel-gateway: streams, services and events.",
    .usage = "  tunnel-tui [options]\n"
             "  tunnel-tui --once | --json | --events | --check [options]\n",
    .examples = "  tunnel-tui\n"
                "  tunnel-tui --once --pane streams --sort down\n"
                "  tunnel-tui --json | jq .totals\n"
                "  ssh -t gw tunnel-tui\n",
};

/* ---- values ---- */

/* The seconds of the unit after a number; 0: there is no such unit. */
static double unit_of(const char *text)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"", 1}, {"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(text, units[i].name) == 0)
            return units[i].seconds;
    return 0;
}

/* Reads digits with at most one point among them, and an optional unit. */
static enum err read_seconds(struct options *o, const char *name, double least, double most,
                             double *out)
{
    const char *text = options_get(o, name);
    if (text == NULL)
        return ERR_OK;
    char *end;
    size_t digits = strspn(text, "0123456789.");
    double value = strtod(text, &end) * unit_of(text + digits);
    if (digits == 0 || end != text + digits || unit_of(end) == 0)
        return options_reject(o, name, "is not a time: write seconds, 500ms, 2s or 1m");
    if (value < least || value > most)
        return options_reject(o, name, "is not between %g and %g", least, most);
    *out = value;
    return ERR_OK;
}

/* Finds the option's value among names. When it is unset *out stays. */
static enum err read_choice(struct options *o, const char *name, const char *const *names,
                            const char *all, int *out)
{
    const char *text = options_get(o, name);
    if (text == NULL)
        return ERR_OK;
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], text) == 0) {
            *out = i;
            return ERR_OK;
        }
    return options_reject(o, name, "is none of %s", all);
}

static enum err read_size(struct options *o, struct command *c)
{
    struct span text = span_of(options_get(o, "render"));
    uint64_t columns, rows;
    struct span first = span_cut(&text, 'x');
    if (!str_number(first, GRID_MAX, &columns) || !str_number(text, GRID_MAX, &rows) ||
        columns == 0 || rows == 0)
        return options_reject(o, "render", "is not a size like 80x24, of at most %dx%d", GRID_MAX,
                              GRID_MAX);
    c->columns = (int)columns;
    c->rows = (int)rows;
    return ERR_OK;
}

/* ---- how it looks ---- */

static enum err read_glyphs(struct options *o, struct command *c)
{
    static const char *const styles[] = {"braille", "blocks", "ascii", NULL};
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 || options_get(o, "render") != NULL;
    int style = (int)(c->mode == MODE_RENDER ? GRAPH_BRAILLE : theme_graph(process_environment));
    c->glyphs = utf8 && !options_flag(o, "ascii") ? glyphs_utf8 : glyphs_ascii;
    c->ui.ascii = c->glyphs.ascii;
    enum err why = read_choice(o, "graph", styles, "braille, blocks, ascii", &style);
    c->ui.graph = (enum graph_style)style;
    return why;
}

static enum err read_ui(struct options *o, struct command *c)
{
    static const char *const units[] = {"bytes", "bits", NULL};
    struct ui *ui = &c->ui;
    const char *filter = options_get(o, "filter"), *sort = options_get(o, "sort");
    int unit = UNITS_BYTES;
    ui->mouse = options_flag(o, "mouse");
    ui->copy = options_flag(o, "copy");
    if (filter != NULL && !ui_set_filter(ui, filter))
        return options_reject(o, "filter", "is not understood: %s", ui->message);
    if (sort != NULL && !ui_set_sort(ui, sort))
        return options_reject(o, "sort", "names no column");
    enum err why = read_seconds(o, "refresh", 0.2, 10, &ui->refresh);
    if (why == ERR_OK)
        why = read_choice(o, "units", units, "bytes, bits", &unit);
    ui->units = (enum units)unit;
    return why;
}

static enum err read_look(struct options *o, struct command *c)
{
    static const char *const colors[] = {"auto", "never", "16", "256", NULL};
    int color = 0;
    enum err why = read_ui(o, c);
    if (why == ERR_OK)
        why = read_choice(o, "color", colors, "auto, never, 16, 256", &color);
    c->color = colors[color];
    return why == ERR_OK ? read_glyphs(o, c) : why;
}

/* ---- what to do ---- */

static const struct {
    const char *option;
    enum mode mode;
} modes[] = {
    {"once", MODE_ONCE}, {"json", MODE_JSON}, {"events", MODE_EVENTS}, {"render", MODE_RENDER}};

static enum err read_mode(struct options *o, struct command *c)
{
    const char *given = NULL;
    c->check = options_flag(o, "check");
    c->mode = c->check ? MODE_CHECK : isatty(STDOUT_FILENO) ? MODE_SCREEN : MODE_ONCE;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        const char *name = modes[i].option;
        if (strcmp(name, "render") == 0 ? options_get(o, name) == NULL : !options_flag(o, name))
            continue;
        if (given != NULL)
            return options_fail(o, "--%s and --%s do not go together", given, name);
        given = name;
        c->mode = modes[i].mode;
    }
    return c->mode == MODE_RENDER ? read_size(o, c) : ERR_OK;
}

/* Options that have a meaning only beside another one. */
static const struct {
    const char *option, *beside;
} needs[] = {
    {"interval", "json"}, {"count", "interval"}, {"render", "replay"},
    {"keys", "replay"},   {"clock", "replay"},   {"roles", "render"},
};

static bool is_given(const struct options *o, const char *name)
{
    return options_source(o, name) != OPTION_DEFAULT;
}

static enum err read_script(struct options *o, struct command *c)
{
    static const char *const panes[] = {"", "services", "streams", "log", "tunnels", NULL};
    int pane = TABLE_ALL;
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if (is_given(o, needs[i].option) && !is_given(o, needs[i].beside))
            return options_fail(o, "--%s goes with --%s", needs[i].option, needs[i].beside);
    if (is_given(o, "pane") && c->mode != MODE_ONCE)
        return options_fail(o, "--pane goes with --once");
    if (c->mode == MODE_EVENTS && c->check)
        return options_fail(o, "--events and --check do not go together");
    c->roles = options_flag(o, "roles");
    c->keys = options_get(o, "keys");
    enum err why = read_choice(o, "pane", panes, "services, streams, log, tunnels", &pane);
    c->pane = (enum table_pane)pane;
    if (why == ERR_OK)
        why = read_seconds(o, "interval", 0.1, 86400, &c->interval);
    if (why == ERR_OK)
        why = options_number(o, "count", 1, UINT32_MAX, &c->count);
    return why == ERR_OK ? read_seconds(o, "clock", 0, 253402300799.0, &c->clock) : why;
}

/* "hub" is what people call tunnel-hub. */
static const char *whole_name(const char *program)
{
    static const char *const names[] = {"tunnel-gateway", "tunnel-agent", "tunnel-hub"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i] + strlen("tunnel-"), program) == 0)
            return names[i];
    return program;
}

static enum err read_source(struct options *o, struct command *c)
{
    const char *socket = options_get(o, "socket");
    c->program = whole_name(options_get(o, "program"));
    c->replay = options_get(o, "replay");
    if (c->program[0] == '\0' || strchr(c->program, '/') != NULL)
        return options_reject(o, "program", "is not a program's name");
    if (c->replay != NULL && c->mode != MODE_SCREEN && c->mode != MODE_RENDER &&
        c->mode != MODE_ONCE)
        return options_fail(o, "--replay is for the screen, --render and --once");
    if (c->replay != NULL || socket == NULL)
        return ERR_OK;
    /* Without a '/' it would be taken for a host name. */
    int n =
        snprintf(c->path, sizeof c->path, "%s%s", strchr(socket, '/') == NULL ? "./" : "", socket);
    if (n < 0 || (size_t)n >= sizeof c->path)
        return options_reject(o, "socket", "is too long");
    return ERR_OK;
}

static enum err read_all(struct options *o, struct command *c)
{
    enum err why = read_mode(o, c);
    if (why == ERR_OK)
        why = read_source(o, c);
    if (why == ERR_OK)
        why = read_script(o, c);
    return why == ERR_OK ? read_look(o, c) : why;
}

enum program_next command_read(struct command *c, int argc, char **argv, struct options **o)
{
    *c = (struct command){.clock = -1};
    ui_init(&c->ui);
    *o = options_new(groups, sizeof groups / sizeof *groups);
    if (*o == NULL) {
        fprintf(stderr, "%s: %s\n", command_program.name, err_text(ERR_NO_MEMORY));
        return PROGRAM_FAILED;
    }
    enum program_next next = program_read(&command_program, *o, argc, argv);
    if (next == PROGRAM_GO && read_all(*o, c) != ERR_OK) {
        program_fail(&command_program, *o);
        next = PROGRAM_FAILED;
    }
    return next;
}
