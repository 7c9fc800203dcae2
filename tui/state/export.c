#include "tui/state/export.h"

#include "core/base/json_write.h"
#include "core/base/text.h"
#include "tui/state/device_tunnels.h"
#include "tui/state/layout.h"
#include "tui/state/log_lines.h"
#include "tui/state/paged_list.h"
#include "tui/state/stream_list.h"
#include "tui/state/ui_internal.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROWS_MAX 1024 /* more than a screen has */
#define CELL_MAX 2048 /* bytes of a text, with its end */

/* ---- fields ---- */

enum kind { TEXT, COUNT, INTEGER, REAL, FLAG, STATE };
struct field {
    const char *name;
    enum kind kind;
    size_t at;
};
struct fields {
    const char *noun; /* plural */
    size_t n;
    const struct field *items;
};

#define F(kind, field)                                                                             \
    {                                                                                              \
#field, kind, offsetof(struct STRUCT, field)                                               \
    }
#define COUNTED(kind, field)                                                                       \
    {                                                                                              \
#field, kind, offsetof(struct STRUCT, counts.field)                                        \
    }
/* clang-format off */
#define STRUCT snapshot_stream
static const struct field stream_fields[] = {
    F(COUNT, id), F(TEXT, client), F(INTEGER, pid), F(TEXT, process), F(TEXT, user), F(TEXT, via), F(TEXT, asked),
    F(TEXT, service), F(TEXT, tunnel), F(TEXT, target), F(STATE, state), F(TEXT, reason), F(REAL, closed_at),
    F(REAL, opened), F(REAL, age), F(REAL, idle), F(COUNT, bytes_down), F(COUNT, bytes_up),
    F(REAL, rate_down), F(REAL, rate_up), F(REAL, peak_down), F(REAL, peak_up), F(REAL, first_byte),
    F(COUNT, queued_down), F(COUNT, queued_up)};
/* As it was at a moment; without `counted` its bytes are not known. */
static const struct field past_fields[] = {
    F(COUNT, id), F(TEXT, client), F(INTEGER, pid), F(TEXT, process), F(TEXT, user), F(TEXT, via), F(TEXT, asked),
    F(TEXT, service), F(TEXT, tunnel), F(TEXT, target), F(STATE, state), F(TEXT, reason),
    F(REAL, opened), F(REAL, age), F(FLAG, counted), F(COUNT, bytes_down), F(COUNT, bytes_up),
    F(REAL, rate_down), F(REAL, rate_up)};
#undef STRUCT
#define STRUCT snapshot_service
static const struct field service_fields[] = {
    {"service", TEXT, offsetof(struct snapshot_service, id)}, F(TEXT, tunnel), F(TEXT, host), F(TEXT, target), F(TEXT, state),
    COUNTED(COUNT, open), COUNTED(COUNT, max), COUNTED(COUNT, served), COUNTED(COUNT, failed), COUNTED(COUNT, refused),
    COUNTED(COUNT, bytes_down), COUNTED(COUNT, bytes_up), COUNTED(REAL, rate_down), COUNTED(REAL, rate_up), F(REAL, first_byte)};
#undef STRUCT
#define STRUCT snapshot_service
/* Without `counted` its bytes are not known, and without `rated` its rates. */
static const struct field past_service_fields[] = {
    {"service", TEXT, offsetof(struct snapshot_service, id)}, F(TEXT, tunnel), F(TEXT, host), F(TEXT, target),
    COUNTED(COUNT, open), COUNTED(COUNT, served), COUNTED(COUNT, failed),
    {"counted", FLAG, offsetof(struct snapshot_service, counts.then.counted)}, COUNTED(COUNT, bytes_down), COUNTED(COUNT, bytes_up),
    {"rated", FLAG, offsetof(struct snapshot_service, counts.then.rated)}, COUNTED(REAL, rate_down), COUNTED(REAL, rate_up)};
#undef STRUCT
#define STRUCT snapshot_group
static const struct field past_group_fields[] = {
    {"group", TEXT, offsetof(struct snapshot_group, key)}, F(FLAG, other), F(COUNT, open), F(COUNT, served), F(COUNT, failed),
    {"counted", FLAG, offsetof(struct snapshot_group, then.counted)}, F(COUNT, bytes_down), F(COUNT, bytes_up),
    {"rated", FLAG, offsetof(struct snapshot_group, then.rated)}, F(REAL, rate_down), F(REAL, rate_up)};
static const struct field group_fields[] = {
    {"group", TEXT, offsetof(struct snapshot_group, key)}, F(FLAG, other), F(COUNT, open), F(COUNT, served), F(COUNT, refused), F(COUNT, failed),
    F(COUNT, bytes_down), F(COUNT, bytes_up), F(REAL, rate_down), F(REAL, rate_up), F(REAL, peak)};
#undef STRUCT
#define STRUCT snapshot_device
static const struct field device_fields[] = {
    F(TEXT, device), F(TEXT, state), F(FLAG, present), F(FLAG, maintenance), F(REAL, since), F(REAL, state_for),
    F(REAL, enrolled), F(TEXT, address), F(TEXT, version), F(TEXT, carrier), F(TEXT, node)};
#undef STRUCT
#define STRUCT snapshot_node
static const struct field node_fields[] = {
    F(TEXT, node), F(TEXT, state), F(FLAG, self), F(TEXT, address), F(TEXT, announce), F(TEXT, version), F(COUNT, epoch),
    F(COUNT, tunnels), F(COUNT, ends), F(COUNT, devices), F(COUNT, bytes)};
#undef STRUCT
#define STRUCT snapshot_event
static const struct field event_fields[] = {
    F(TEXT, event), F(COUNT, number), F(REAL, time), F(COUNT, stream), F(TEXT, client), F(TEXT, via), F(TEXT, asked),
    F(TEXT, service), F(TEXT, tunnel), F(REAL, age), F(COUNT, bytes_down), F(COUNT, bytes_up), F(COUNT, count),
    F(TEXT, reason), F(TEXT, text)};
#undef STRUCT
/* clang-format on */
#define FIELDS(noun, table)                                                                        \
    {                                                                                              \
        noun, sizeof(table) / sizeof *(table), table                                               \
    }
static const struct fields of_streams = FIELDS("streams", stream_fields);
static const struct fields of_past = FIELDS("past", past_fields);
static const struct fields of_tunnels = FIELDS("tunnels", stream_fields);
static const struct fields of_closed = FIELDS("history", stream_fields);
static const struct fields of_services = FIELDS("services", service_fields);
static const struct fields of_past_services = FIELDS("past-services", past_service_fields);
static const struct fields of_past_groups = FIELDS("past-groups", past_group_fields);
static const struct fields of_groups = FIELDS("groups", group_fields);
static const struct fields of_devices = FIELDS("devices", device_fields);
static const struct fields of_nodes = FIELDS("nodes", node_fields);
static const struct fields of_events = FIELDS("events", event_fields);

/* ---- the rows of the screen ---- */

struct rows {
    size_t n;
    struct row {
        const struct fields *fields;
        const void *item;
    } items[ROWS_MAX];
    const struct fields *fields; /* of the screen */
    struct stream_list list;
    struct order order; /* both are freed at the end */
};

static void add(struct rows *r, const struct fields *fields, const void *item)
{
    if (item != NULL && r->n < ROWS_MAX)
        r->items[r->n++] = (struct row){fields, item};
}

static const struct fields *fields_of_streams(const struct model *m)
{
    return column_role_of(&m->shown) == COLUMN_HUB ? &of_tunnels : &of_streams;
}

static void take_streams(struct rows *r, const struct ui *ui, const struct model *m)
{
    struct layout l = ui_layout(ui, m);
    const struct fields *streams = ui->moment > 0 ? &of_past : fields_of_streams(m);
    r->list = stream_list_of(ui, m);
    const struct fields *groups = ui->moment > 0 ? &of_past_groups : &of_groups;
    r->fields = r->list.grouped ? groups : streams;
    for (size_t i = 0; i < (size_t)l.n_streams && ui->stream_top + i < r->list.n; i++) {
        struct list_row row = stream_list_row(&r->list, m, ui->stream_top + i);
        add(r, groups, row.group);
        add(r, streams, row.stream);
    }
}

static void take_services(struct rows *r, const struct ui *ui, const struct model *m)
{
    struct layout l = ui_layout(ui, m);
    r->fields = ui->moment > 0 ? &of_past_services : &of_services;
    r->order = order_services(ui, m);
    for (size_t i = 0; i < (size_t)l.n_services && ui->service_top + i < r->order.n; i++) {
        const struct snapshot_service *s = &m->shown.services[r->order.at[ui->service_top + i]];
        add(r, r->fields, s->past == (ui->moment > 0) ? s : NULL);
    }
}

static void take_events(struct rows *r, const struct ui *ui, const struct model *m)
{
    size_t at[ROWS_MAX], most = (size_t)ui_layout(ui, m).n_log;
    size_t n = log_select(ui, m, ui->log_up, at, most < ROWS_MAX ? most : ROWS_MAX);
    r->fields = &of_events;
    for (size_t i = 0; i < n; i++)
        add(r, r->fields, &m->events[at[i]].e);
}

static void take_list(struct rows *r, const struct ui *ui, const struct model *m)
{
    enum paged_kind kind = paged_list_on(ui->screen);
    r->fields = kind == PAGED_DEVICES ? &of_devices : kind == PAGED_NODES ? &of_nodes : &of_closed;
    for (size_t i = 0; i < (size_t)paged_list_room(ui); i++)
        add(r, r->fields, paged_list_at(m, kind, ui->lists[kind].top + i));
}

static void take_device_tunnels(struct rows *r, const struct ui *ui, const struct model *m)
{
    r->fields = &of_tunnels;
    r->order = device_tunnels_of(ui, m);
    for (size_t i = 0; i < r->order.n && i < (size_t)ui->rows; i++)
        add(r, r->fields, order_stream(&r->order, m, r->order.from + i));
}

static void take(struct rows *r, const struct ui *ui, const struct model *m)
{
    *r = (struct rows){.fields = fields_of_streams(m)};
    if (paged_list_on(ui->screen) < PAGED_KINDS)
        take_list(r, ui, m);
    else if (ui->screen == SCREEN_DEVICE)
        take_device_tunnels(r, ui, m);
    else if (ui->screen == SCREEN_STREAM)
        add(r, r->fields, model_stream(m, ui->stream));
    else if (ui->screen == SCREEN_SERVICE)
        add(r, r->fields = &of_services, service_find(m, ui->service));
    else if (ui->focus == PANE_SERVICES)
        take_services(r, ui, m);
    else if (ui->focus == PANE_LOG)
        take_events(r, ui, m);
    else
        take_streams(r, ui, m);
}

static void drop(struct rows *r)
{
    stream_list_free(&r->list);
    order_free(&r->order);
}

const char *export_noun(const struct ui *ui, const struct model *m, size_t *n)
{
    struct rows *r = malloc(sizeof *r);
    *n = 0;
    if (r == NULL)
        return "rows";
    take(r, ui, m);
    const char *noun = r->fields->noun;
    *n = r->n;
    drop(r);
    free(r);
    return noun;
}

/* ---- values ---- */

static const char *state_of(enum snapshot_state s)
{
    return s < SNAPSHOT_STATE_OTHER ? snapshot_state_name(s) : "";
}

static const char *text_of(const struct field *f, const void *item)
{
    const void *at = (const char *)item + f->at;
    const char *text = f->kind == TEXT    ? *(const char *const *)at
                       : f->kind == STATE ? state_of(*(const enum snapshot_state *)at)
                                          : NULL;
    return text != NULL ? text : "";
}

/* In millionths for REAL. */
static int64_t number_of(const struct field *f, const void *item)
{
    const void *at = (const char *)item + f->at;
    double real = f->kind == REAL ? *(const double *)at : 0;
    uint64_t count = f->kind == COUNT ? *(const uint64_t *)at : 0;
    switch (f->kind) {
    case REAL:
        return real > 0 && real < 9e12 ? (int64_t)(real * 1e6) : real > 0 ? INT64_MAX : 0;
    case COUNT:
        return count < INT64_MAX ? (int64_t)count : INT64_MAX;
    case INTEGER:
        return *(const int64_t *)at;
    default:
        return f->kind == FLAG && *(const bool *)at;
    }
}

/* ---- JSON lines ---- */

static void write_member(struct json_writer *w, const struct field *f, const void *item)
{
    int64_t number = number_of(f, item);
    if (f->kind == TEXT || f->kind == STATE) {
        if (text_of(f, item)[0] != '\0')
            json_text(w, f->name, span_of(text_of(f, item)));
    } else if (number != 0 && f->kind == FLAG) {
        json_flag(w, f->name, true);
    } else if (number != 0 && f->kind == REAL) {
        json_micro(w, f->name, number);
    } else if (number != 0) {
        json_number(w, f->name, number);
    }
}

static bool write_object(const struct row *r, struct buf *out)
{
    struct json_writer w = {.bytes.limit = 65536};
    json_open(&w, NULL, '{');
    for (size_t i = 0; i < r->fields->n; i++)
        write_member(&w, &r->fields->items[i], r->item);
    json_close(&w, '}');
    bool ok = !w.failed && buf_append(out, w.bytes.data, w.bytes.size) && buf_append(out, "\n", 1);
    buf_free(&w.bytes);
    return ok;
}

/* ---- CSV ---- */

/* A cell that begins like this is a formula to spreadsheets. */
static bool is_formula(const char *text)
{
    return text[0] != '\0' && strchr("=+-@", text[0]) != NULL;
}

static bool write_quoted(const char *text, struct buf *out)
{
    char shown[CELL_MAX];
    text_copy(span_of(text), TEXT_UTF8, shown, sizeof shown);
    bool ok = buf_append(out, "\"", 1) && (!is_formula(shown) || buf_append(out, "'", 1));
    for (const char *c = shown; ok && *c != '\0'; c++)
        ok = buf_append(out, c, 1) && (*c != '"' || buf_append(out, "\"", 1));
    return ok && buf_append(out, "\"", 1);
}

static bool write_cell(const struct field *f, const void *item, struct buf *out)
{
    int64_t number = number_of(f, item);
    if (f->kind == TEXT || f->kind == STATE)
        return text_of(f, item)[0] == '\0' || write_quoted(text_of(f, item), out);
    if (f->kind == REAL)
        return buf_printf(out, "%" PRId64 ".%06" PRId64, number / 1000000, number % 1000000);
    return buf_printf(out, "%" PRId64, number);
}

/* The cells of one table; item NULL: they are empty, and names: they are the fields' names. */
static bool write_cells(const struct fields *fields, const void *item, bool names, bool *first,
                        struct buf *out)
{
    bool ok = true;
    for (size_t i = 0; ok && i < fields->n; i++) {
        ok = *first || buf_append(out, ",", 1);
        *first = false;
        if (ok && names)
            ok = buf_append(out, fields->items[i].name, strlen(fields->items[i].name));
        else if (ok && item != NULL)
            ok = write_cell(&fields->items[i], item, out);
    }
    return ok;
}

/* One line; NULL: the names. Rows of two kinds, groups and streams, have columns side by side. */
static bool write_line(const struct rows *r, const struct row *row, struct buf *out)
{
    const struct fields *second = NULL;
    bool first = true;
    for (size_t i = 0; i < r->n; i++)
        if (r->items[i].fields != r->fields)
            second = r->items[i].fields;
    const void *item = row != NULL && row->fields == r->fields ? row->item : NULL;
    bool ok = write_cells(r->fields, item, row == NULL, &first, out);
    item = row != NULL && row->fields == second ? row->item : NULL;
    if (ok && second != NULL)
        ok = write_cells(second, item, row == NULL, &first, out);
    return ok && buf_append(out, "\r\n", 2);
}

/* ---- all ---- */

bool export_write(const struct ui *ui, const struct model *m, struct buf *out)
{
    struct rows *r = malloc(sizeof *r);
    if (r == NULL)
        return false;
    take(r, ui, m);
    bool csv = ui->format == EXPORT_CSV, ok = !csv || write_line(r, NULL, out);
    for (size_t i = 0; ok && i < r->n; i++)
        ok = csv ? write_line(r, &r->items[i], out) : write_object(&r->items[i], out);
    drop(r);
    free(r);
    return ok;
}

void export_name(const char *noun, enum export_format format, double time, unsigned number,
                 char *out, size_t size)
{
    time_t t = time > 0 && time < 253402300800.0 ? (time_t)time : 0;
    struct tm tm = {0};
    char stamp[32] = "", again[16] = "";
    if (gmtime_r(&t, &tm) != NULL)
        strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &tm);
    if (number > 1)
        snprintf(again, sizeof again, "-%u", number);
    snprintf(out, size, "tunnel-tui-%s-%s%s.%s", noun, stamp, again,
             format == EXPORT_CSV ? "csv" : "jsonl");
}
