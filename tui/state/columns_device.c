/* The columns of a hub's devices. The hub sorts them, by the names of those that have an order. */
#include "tui/state/columns_write.h"

#include <stdio.h>
#include <string.h>

#define TEXT(name)                                                                                 \
    static void write_##name(const void *row, enum units units, int width,                         \
                             struct column_text *out)                                              \
    {                                                                                              \
        const struct snapshot_device *d = row;                                                     \
        (void)units, (void)width;                                                                  \
        column_put_text(out, d->name, ROLE_TEXT);                                                  \
    }

TEXT(device)
TEXT(version)
TEXT(node)

static void write_state(const void *row, enum units units, int width, struct column_text *out)
{
    static const struct {
        const char *state;
        enum role role;
    } roles[] = {{"present", ROLE_OK}, {"away", ROLE_BAD}, {"pending", ROLE_BUSY}};
    const struct snapshot_device *d = row;
    enum role role = ROLE_QUIET;
    (void)units, (void)width;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strcmp(d->state, roles[i].state) == 0)
            role = roles[i].role;
    if (d->maintenance)
        column_put_text(out, "maint", ROLE_BUSY);
    else
        column_put_text(out, d->state, role);
}

static void write_state_for(const void *row, enum units units, int width, struct column_text *out)
{
    const struct snapshot_device *d = row;
    (void)units, (void)width;
    if (d->state_for > 0)
        format_age(d->state_for, out->buffer);
    else
        snprintf(out->buffer, sizeof out->buffer, "-");
    column_put_number(out, ROLE_TEXT);
}

static void write_address(const void *row, enum units units, int width, struct column_text *out)
{
    const struct snapshot_device *d = row;
    (void)units;
    out->text = format_address(d->address, width, out->buffer, sizeof out->buffer);
}

/* Appends with a blank in between; what does not fit is cut, as on the screen. */
static void join(struct column_text *out, const char *format, const char *a, const char *b)
{
    size_t n = strlen(out->buffer);
    if (n > 0 && n + 2 < sizeof out->buffer)
        out->buffer[n++] = ' ';
    snprintf(out->buffer + n, sizeof out->buffer - n, format, a, b);
}

static void write_services(const void *row, enum units units, int width, struct column_text *out)
{
    const struct snapshot_device *d = row;
    (void)units, (void)width;
    out->buffer[0] = '\0';
    for (size_t i = 0; i < d->n_services && strlen(out->buffer) + 2 < sizeof out->buffer; i++)
        join(out, "%s%s", d->services[i], "");
    out->text = span_of(out->buffer);
}

static void write_labels(const void *row, enum units units, int width, struct column_text *out)
{
    const struct snapshot_device *d = row;
    (void)units, (void)width;
    out->buffer[0] = '\0';
    for (size_t i = 0; i < d->n_labels && strlen(out->buffer) + 2 < sizeof out->buffer; i++)
        join(out, "%s=%s", d->labels[i].key, d->labels[i].value);
    out->text = span_of(out->buffer);
}

/* It only says that the hub can sort by the column. */
static int by_hub(const void *a, const void *b)
{
    (void)a, (void)b;
    return 0;
}

#define AT_HUB(title)                                                                              \
    {                                                                                              \
        NULL, NULL, title                                                                          \
    }

/* clang-format off */
static const struct column items[] = {
    {"device", AT_HUB("DEVICE"), 12, 128, 3, 100, 0, false, COLUMN_ALWAYS, write_device, by_hub},
    {"state", AT_HUB("STATE"), 8, 8, 0, 99, 0, false, COLUMN_ALWAYS, write_state, by_hub},
    {"state_for", AT_HUB("FOR"), 5, 5, 0, 98, 0, true, COLUMN_ALWAYS, write_state_for, by_hub},
    {"node", AT_HUB("NODE"), 6, 32, 1, 67, 0, false, COLUMN_ALWAYS, write_node, by_hub},
    {"address", AT_HUB("ADDRESS"), 12, 48, 1, 60, 70, false, COLUMN_ALWAYS, write_address, by_hub},
    {"version", AT_HUB("VERSION"), 7, 12, 1, 40, 90, false, COLUMN_ALWAYS, write_version, by_hub},
    {"services", AT_HUB("SERVICES"), 10, 40, 2, 70, 50, false, COLUMN_ALWAYS, write_services, NULL},
    {"labels", AT_HUB("LABELS"), 10, 60, 4, 65, 76, false, COLUMN_ALWAYS, write_labels, NULL},
};
/* clang-format on */
const struct columns device_columns = {sizeof items / sizeof *items, items};
