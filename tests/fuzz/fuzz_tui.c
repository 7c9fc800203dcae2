/* The dashboard: bytes become snapshots with any text and numbers, keys, clicks, sizes, losses and
 * pauses. The oracles: a picture has only characters that may be shown, whole wide ones, and roles
 * that exist; and drawing is a function, twice gives the same. */
#include "tui/state/export.h"
#include "tui/state/keys.h"
#include "tui/view/view.h"
#include "tui/view/width.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

enum { ITEMS_MAX = 48, STEPS_MAX = 100, BLOCKS_MAX = 16384 };

struct input {
    const uint8_t *p;
    size_t n;
    /* What the model's snapshots point to lives as long as the run. */
    size_t n_blocks;
    void *blocks[BLOCKS_MAX];
};

static uint8_t byte(struct input *in)
{
    if (in->n == 0)
        return 0;
    in->n--;
    return *in->p++;
}

static uint64_t number(struct input *in)
{
    static const uint64_t odd[] = {0, 1, 1023, 1024, 1ull << 40, UINT64_MAX, INT64_MAX};
    uint8_t b = byte(in);
    return b < 7 ? odd[b] : b < 100 ? b : (uint64_t)byte(in) << (b % 60);
}

static double real(struct input *in)
{
    static const double odd[] = {0, -1, NAN, INFINITY, -INFINITY, 1e300, 1e-300, -0.0, 0.9996};
    uint8_t b = byte(in);
    return b < 9 ? odd[b] : b < 100 ? b / 7.0 : (double)number(in);
}

static void *take(struct input *in, size_t size)
{
    MUST(in->n_blocks < BLOCKS_MAX);
    void *block = calloc(1, size > 0 ? size : 1);
    MUST(block != NULL);
    in->blocks[in->n_blocks++] = block;
    return block;
}

/* Anything but NUL; most are short. */
static const char *text(struct input *in)
{
    static const char *const known[] = {"",     "up",       "down",   "over",   "connecting",
                                        "open", "close",    "refuse", "ready",  "offline",
                                        "hub",  "source",   "lost",   "socks5", "destination",
                                        "note", "restarted"};
    uint8_t b = byte(in);
    if (b < 100 || in->n_blocks > BLOCKS_MAX - 64)
        return known[b % (sizeof known / sizeof *known)];
    size_t n = b < 240 ? b % 24 : 300;
    char *t = take(in, n + 1);
    for (size_t i = 0; i < n; i++) {
        t[i] = (char)byte(in);
        if (t[i] == '\0')
            t[i] = b % 2 == 0 ? ' ' : 'x';
    }
    return t;
}

static struct snapshot_samples samples(struct input *in)
{
    size_t n = byte(in) * 2u;
    struct snapshot_samples s = {number(in), n, take(in, n * 8), take(in, n * 8)};
    uint64_t base = number(in);
    for (size_t i = 0; i < n; i++) {
        s.down[i] = base / (i + 1);
        s.up[i] = base ^ i;
    }
    return s;
}

static struct snapshot_reasons reasons(struct input *in)
{
    size_t n = byte(in) % 4;
    struct snapshot_reasons r = {n, take(in, n * sizeof *r.items)};
    for (size_t i = 0; i < n; i++) {
        r.items[i].name = text(in);
        r.items[i].count = number(in);
    }
    return r;
}

static bool flag(struct input *in)
{
    return byte(in) % 2 == 0;
}

static struct snapshot_then then(struct input *in)
{
    return (struct snapshot_then){.known = flag(in),
                                  .rated = flag(in),
                                  .counted = flag(in),
                                  .open = number(in),
                                  .served = number(in),
                                  .failed = number(in),
                                  .bytes_down = number(in),
                                  .bytes_up = number(in),
                                  .rate_down = real(in),
                                  .rate_up = real(in)};
}

static struct snapshot_counts counts(struct input *in)
{
    return (struct snapshot_counts){.open = number(in),
                                    .max = number(in),
                                    .served = number(in),
                                    .failed = number(in),
                                    .bytes_down = number(in),
                                    .bytes_up = number(in),
                                    .rate_down = real(in),
                                    .rate_up = real(in),
                                    .errors = reasons(in),
                                    .refusals = reasons(in),
                                    .then = then(in)};
}

static void fill_stream(struct input *in, struct snapshot_stream *s)
{
    *s = (struct snapshot_stream){.id = number(in),
                                  .client = text(in),
                                  .process = text(in),
                                  .user = "",
                                  .via = text(in),
                                  .asked = text(in),
                                  .service = text(in),
                                  .tunnel = text(in),
                                  .target = text(in),
                                  .reason = text(in),
                                  .pid = byte(in),
                                  .state = (enum snapshot_state)(byte(in) % 6),
                                  .opened = real(in),
                                  .age = real(in),
                                  .bytes_down = number(in),
                                  .bytes_up = number(in),
                                  .rate_down = real(in),
                                  .mean_down = real(in),
                                  .peak_up = real(in),
                                  .queued_down = number(in),
                                  .queue_limit = number(in),
                                  .window_down = number(in),
                                  .bound_down = text(in),
                                  .bound_up = text(in),
                                  .resumed = byte(in),
                                  .pauses_down = number(in),
                                  .paused_down = real(in),
                                  .requested = real(in),
                                  .started = real(in),
                                  .first_byte = real(in)};
    if (byte(in) % 8 == 0)
        s->history = samples(in);
}

static void fill_event(struct input *in, struct snapshot_event *e)
{
    *e = (struct snapshot_event){.event = text(in),
                                 .number = number(in),
                                 .time = real(in),
                                 .stream = number(in),
                                 .client = text(in),
                                 .via = text(in),
                                 .asked = text(in),
                                 .service = text(in),
                                 .tunnel = text(in),
                                 .reason = text(in),
                                 .text = text(in),
                                 .age = real(in),
                                 .bytes_down = number(in),
                                 .count = number(in)};
}

static void fill_lists(struct input *in, struct snapshot *s)
{
    s->n_tunnels = byte(in) % 4;
    s->tunnels = take(in, s->n_tunnels * sizeof *s->tunnels);
    for (size_t i = 0; i < s->n_tunnels; i++)
        s->tunnels[i] = (struct snapshot_tunnel){
            text(in),   text(in),   text(in),   text(in),           text(in),
            text(in),   real(in),   real(in),   real(in),           real(in),
            real(in),   real(in),   number(in), number(in),         number(in),
            number(in), number(in), number(in), number(in) % 2 == 0};
    s->n_services = byte(in) % ITEMS_MAX;
    s->services = take(in, s->n_services * sizeof *s->services);
    for (size_t i = 0; i < s->n_services; i++)
        s->services[i] = (struct snapshot_service){
            text(in), text(in), text(in), text(in), text(in), counts(in), real(in), 0, flag(in)};
    s->n_streams = byte(in) % ITEMS_MAX;
    s->streams = take(in, s->n_streams * sizeof *s->streams);
    for (size_t i = 0; i < s->n_streams; i++)
        fill_stream(in, &s->streams[i]);
    s->n_events = byte(in) % ITEMS_MAX;
    s->events = take(in, s->n_events * sizeof *s->events);
    for (size_t i = 0; i < s->n_events; i++)
        fill_event(in, &s->events[i]);
}

static void fill_page(struct input *in, struct snapshot_page *p)
{
    *p = (struct snapshot_page){.known = byte(in) % 4 != 0,
                                .total = number(in),
                                .matching = number(in),
                                .from = number(in),
                                .found = byte(in) % 2 == 0 ? byte(in) : number(in),
                                .filter = text(in),
                                .sort = text(in),
                                .problem = byte(in) % 8 == 0 ? text(in) : ""};
    if (byte(in) % 8 != 0) { /* as a program sends it */
        p->matching %= 1 << 20;
        p->from %= p->matching + 1;
    }
}

static void fill_trend(struct input *in, struct snapshot_stream *s)
{
    s->user = text(in);
    s->idle = real(in);
    s->closed_for = real(in);
    s->trend.n = byte(in) % (SNAPSHOT_TREND + 1);
    s->trend.cells = take(in, s->trend.n * sizeof *s->trend.cells);
    for (size_t i = 0; i < s->trend.n; i++)
        s->trend.cells[i] = number(in);
}

static void fill_groups(struct input *in, struct snapshot_groups *g)
{
    static const char *const kinds[] = {"client", "user", "service", "device", "?"};
    *g = (struct snapshot_groups){.by = kinds[byte(in) % 5], .n_rows = byte(in) % ITEMS_MAX};
    g->rows = take(in, g->n_rows * sizeof *g->rows);
    for (size_t i = 0; i < g->n_rows; i++)
        g->rows[i] = (struct snapshot_group){.key = text(in),
                                             .other = byte(in) % 16 == 0,
                                             .open = number(in),
                                             .served = number(in),
                                             .failed = number(in),
                                             .bytes_down = number(in),
                                             .rate_down = real(in),
                                             .peak = real(in)};
}

static void fill_devices(struct input *in, struct snapshot_devices *d)
{
    *d = (struct snapshot_devices){.known = true,
                                   .total = number(in),
                                   .matching = number(in) % (1 << 20),
                                   .n_rows = byte(in) % ITEMS_MAX};
    d->rows = take(in, d->n_rows * sizeof *d->rows);
    for (size_t i = 0; i < d->n_rows; i++) {
        struct snapshot_device *row = &d->rows[i];
        *row = (struct snapshot_device){.device = text(in),
                                        .state = text(in),
                                        .address = text(in),
                                        .version = text(in),
                                        .carrier = text(in),
                                        .state_for = real(in)};
        row->n_labels = byte(in) % 4;
        row->labels = take(in, row->n_labels * sizeof *row->labels);
        for (size_t k = 0; k < row->n_labels; k++)
            row->labels[k] = (struct snapshot_label){text(in), text(in)};
        row->n_services = byte(in) % 3;
        row->services = take(in, row->n_services * sizeof *row->services);
        for (size_t k = 0; k < row->n_services; k++)
            row->services[k] = text(in);
    }
}

/* What a program sends that knows pages. */
static void fill_pages(struct input *in, struct snapshot *s)
{
    for (size_t i = 0; i < s->n_streams; i++)
        fill_trend(in, &s->streams[i]);
    fill_page(in, &s->streams_page);
    fill_page(in, &s->closed.page);
    s->closed.n_rows = byte(in) % ITEMS_MAX;
    s->closed.rows = take(in, s->closed.n_rows * sizeof *s->closed.rows);
    for (size_t i = 0; i < s->closed.n_rows; i++)
        fill_stream(in, &s->closed.rows[i]);
    if (byte(in) % 2 == 0)
        fill_groups(in, &s->groups);
    if (byte(in) % 4 == 0)
        fill_devices(in, &s->devices);
}

static struct snapshot snapshot(struct input *in)
{
    struct snapshot s = {.schema = 1,
                         .program = text(in),
                         .role = text(in),
                         .version = text(in),
                         .instance = text(in),
                         .host = text(in),
                         .time = real(in),
                         .clock = real(in),
                         .uptime = real(in),
                         .readonly = byte(in) % 4 == 0,
                         .totals = counts(in),
                         .seconds = samples(in),
                         .tens = samples(in),
                         .last_event = number(in)};
    s.n_listen = byte(in) % 3;
    s.listen = take(in, s.n_listen * sizeof *s.listen);
    for (size_t i = 0; i < s.n_listen; i++)
        s.listen[i] = text(in);
    fill_lists(in, &s);
    if (byte(in) % 2 == 1 && in->n_blocks < BLOCKS_MAX / 2)
        fill_pages(in, &s);
    return s;
}

static void check(const struct grid *g)
{
    for (int row = 0; row < g->rows; row++)
        for (int column = 0; column < g->columns; column++) {
            const struct cell *c = &g->cells[row * g->columns + column];
            bool after_wide = column > 0 && char_width(c[-1].c) == 2;
            MUST(c->role < ROLE_COUNT);
            MUST((c->c == 0) == after_wide);
            MUST(c->c == 0 || char_width(c->c) == 1 ||
                 (char_width(c->c) == 2 && column + 1 < g->columns));
        }
}

static void draw(const struct model *m, const struct ui *ui, struct input *in)
{
    struct grid g = {0}, again = {0};
    uint8_t b = byte(in);
    struct view_context c = {.glyphs = b % 2 == 0 ? &glyphs_ascii : &glyphs_utf8,
                             .now = b % 16 < 9 ? b : real(in),
                             .time = m->shown.time + b,
                             .utc_offset = b % 3 == 0 ? 3600 : -3600,
                             .version = "0.1.0"};
    MUST(grid_resize(&g, ui->columns, ui->rows) && grid_resize(&again, ui->columns, ui->rows));
    view_draw(m, ui, &c, &g);
    check(&g);
    grid_fill(&again, 0, 0, again.columns, '#', ROLE_BAD); /* what was there does not matter */
    view_draw(m, ui, &c, &again);
    for (int i = 0; i < g.columns * g.rows; i++)
        MUST(g.cells[i].c == again.cells[i].c && g.cells[i].role == again.cells[i].role);
    grid_free(&g);
    grid_free(&again);
}

static uint32_t key(struct input *in)
{
    uint8_t b = byte(in);
    if (b < 32)
        return UIKEY_NONE + b;
    if (b < 200)
        return b % 127;
    return b < 230 ? key_bindings[byte(in) % n_key_bindings].keys[0] : (uint32_t)number(in);
}

/* The request for the next snapshot fits, and has only what a request may have. */
static void ask(struct model *m, const struct ui *ui)
{
    char target[MODEL_TARGET];
    struct model_wanted w;
    ui_wanted(ui, m, &w);
    model_target(m, &w, target);
    MUST(strlen(target) < MODEL_TARGET - 1);
    for (const char *c = target; *c != '\0'; c++)
        MUST(*c > ' ' && *c < 127);
}

/* What is written to a file has no byte that a terminal would take for a command. */
static void write_rows(const struct model *m, struct ui *ui)
{
    for (int format = EXPORT_JSON; format <= EXPORT_CSV; format++) {
        struct buf out = {.limit = 1 << 22};
        ui->format = (enum export_format)format;
        export_write(ui, m, &out);
        for (size_t i = 0; i < out.size; i++)
            MUST(out.data[i] >= ' ' || out.data[i] == '\n' || out.data[i] == '\r');
        buf_free(&out);
    }
}

static void step(struct model *m, struct ui *ui, struct input *in)
{
    uint8_t b = byte(in);
    switch (b % 16) {
    case 0:
        if (in->n_blocks < BLOCKS_MAX / 2) {
            struct snapshot s = snapshot(in);
            model_take(m, &s, real(in));
        }
        break;
    case 1:
        model_lost(m, text(in), real(in), real(in));
        break;
    case 2:
        ui->columns = byte(in) % 4 == 0 ? byte(in) : 60 + byte(in) % 80;
        ui->rows = byte(in) % 4 == 0 ? 1 + byte(in) % 12 : 12 + byte(in) % 50;
        ui->columns += ui->columns == 0;
        break;
    case 3:
        ui_click(ui, m, byte(in) - 2, byte(in), byte(in) % 6);
        break;
    default:
        ui_key(ui, m, key(in));
    }
    ui_settle(ui, m);
    ask(m, ui);
    if (b / 16 == 0)
        write_rows(m, ui);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {.p = data, .n = size};
    struct model *m = malloc(sizeof *m);
    struct ui *ui = malloc(sizeof *ui);
    MUST(m != NULL && ui != NULL);
    model_init(m, "/run/x.sock");
    ui_init(ui);
    ui->copy = true;
    for (int i = 0; i < STEPS_MAX && in.n > 0; i++) {
        step(m, ui, &in);
        draw(m, ui, &in);
    }
    model_free(m);
    free(m);
    free(ui);
    for (size_t i = 0; i < in.n_blocks; i++)
        free(in.blocks[i]);
    return 0;
}
