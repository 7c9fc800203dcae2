#include "tui/state/filter.h"

#include "tui/state/format.h"

#include <stdio.h>
#include <string.h>

/* A field of streams. Either text or number is set; members for events are NULL where events do not
 * have the field. */
struct field {
    const char *names[3];
    bool plain; /* a word without a name matches here as well */
    bool time;  /* the number is seconds, not bytes */
    const char *(*text)(const struct snapshot_stream *s);
    double (*number)(const struct snapshot_stream *s);
    const char *(*event_text)(const struct snapshot_event *e);
    double (*event_number)(const struct snapshot_event *e);
};

#define GET(kind, name, value)                                                                     \
    static kind name(const struct snapshot_stream *s)                                              \
    {                                                                                              \
        return value;                                                                              \
    }
#define GET_EVENT(kind, name, value)                                                               \
    static kind name(const struct snapshot_event *e)                                               \
    {                                                                                              \
        return value;                                                                              \
    }
GET(const char *, client, s->client)
GET(const char *, process, s->process)
GET(const char *, service, s->service)
GET(const char *, tunnel, s->tunnel)
GET(const char *, target, s->target)
GET(const char *, asked, s->asked)
GET(const char *, via, s->via)
GET(const char *, state, snapshot_state_name(s->state))
GET(const char *, reason, s->reason)
GET(double, age, s->age)
GET(double, down, (double)s->bytes_down)
GET(double, up, (double)s->bytes_up)
GET(double, rate_down, s->rate_down)
GET(double, rate_up, s->rate_up)
GET_EVENT(const char *, event_client, e->client)
GET_EVENT(const char *, event_service, e->service)
GET_EVENT(const char *, event_tunnel, e->tunnel)
GET_EVENT(const char *, event_asked, e->asked)
GET_EVENT(const char *, event_via, e->via)
GET_EVENT(const char *, event_reason, e->reason)
GET_EVENT(const char *, event_text, e->text)
GET_EVENT(double, event_age, e->age)
GET_EVENT(double, event_down, (double)e->bytes_down)
GET_EVENT(double, event_up, (double)e->bytes_up)

static const struct field fields[] = {
    {{"client", "source"}, true, false, client, NULL, event_client, NULL},
    {{"process"}, true, false, process, NULL, NULL, NULL},
    {{"service", "thing"}, true, false, service, NULL, event_service, NULL},
    {{"device", "tunnel"}, true, false, tunnel, NULL, event_tunnel, NULL},
    {{"target", "destination"}, true, false, target, NULL, NULL, NULL},
    {{"asked", "host"}, true, false, asked, NULL, event_asked, NULL},
    {{"state", "stat"}, true, false, state, NULL, NULL, NULL},
    {{"via"}, false, false, via, NULL, event_via, NULL},
    {{"reason"}, false, false, reason, NULL, event_reason, NULL},
    {{"text"}, true, false, NULL, NULL, event_text, NULL},
    {{"age"}, false, true, NULL, age, NULL, event_age},
    {{"down"}, false, false, NULL, down, NULL, event_down},
    {{"up"}, false, false, NULL, up, NULL, event_up},
    {{"down/s"}, false, false, NULL, rate_down, NULL, NULL},
    {{"up/s"}, false, false, NULL, rate_up, NULL, NULL},
};
enum { FIELDS = sizeof fields / sizeof *fields, ANY = -1, ID = -2 };

/* ---- parsing ---- */

static int field_of(struct span name)
{
    if (span_is_nocase(name, "id"))
        return ID;
    for (int i = 0; i < FIELDS; i++)
        for (int k = 0; k < 3 && fields[i].names[k] != NULL; k++)
            if (span_is_nocase(name, fields[i].names[k]))
                return i;
    return ANY;
}

static double unit_of(struct span suffix, bool time)
{
    static const struct {
        const char *name;
        double times, bytes; /* 0: not a unit of this kind */
    } units[] = {{"", 1, 1},      {"s", 1, 0},    {"m", 60, 1048576},   {"h", 3600, 0},
                 {"d", 86400, 0}, {"k", 0, 1024}, {"g", 0, 1073741824}, {"t", 0, 1099511627776},
                 {"b", 0, 1}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (span_is_nocase(suffix, units[i].name))
            return time ? units[i].times : units[i].bytes;
    return 0;
}

/* Reads "10m" or "1.5K", without strtod, which depends on the locale. */
static bool number_of(struct span s, bool time, double *out)
{
    double value = 0, place = 0;
    size_t digits = 0, i = 0;
    for (; i < s.n && ((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] == '.' && place == 0)); i++) {
        if (s.p[i] == '.') {
            place = 1;
            continue;
        }
        digits++;
        place /= 10;
        value = place > 0 ? value + place * (s.p[i] - '0') : value * 10 + (s.p[i] - '0');
    }
    double unit = unit_of((struct span){s.p + i, s.n - i}, time);
    *out = value * unit;
    return digits > 0 && unit > 0;
}

static bool read_value(struct filter_word *w, struct span value, char *problem, size_t size)
{
    const struct field *field = w->field >= 0 ? &fields[w->field] : NULL;
    bool number = field != NULL && (field->number != NULL || field->event_number != NULL);
    if (number && w->compare == '=') {
        snprintf(problem, size, "%s takes < or >", field->names[0]);
        return false;
    }
    if (!number && w->compare != '=') {
        snprintf(problem, size, "%s takes =", field != NULL ? field->names[0] : "id");
        return false;
    }
    if (number && !number_of(value, field->time, &w->number)) {
        snprintf(problem, size, "%s%c needs a number, such as %s", field->names[0], w->compare,
                 field->time ? "10m" : "1M");
        return false;
    }
    memcpy(w->text, value.p, value.n);
    return true;
}

static bool read_word(struct span s, struct filter_word *w, char *problem, size_t size)
{
    *w = (struct filter_word){.field = ANY, .invert = s.n > 1 && s.p[0] == '!'};
    if (w->invert)
        s.p++, s.n--;
    if (s.n >= sizeof w->text) {
        snprintf(problem, size, "a word is too long");
        return false;
    }
    size_t at = 0;
    while (at < s.n && memchr("=<>", s.p[at], 3) == NULL)
        at++;
    if (at == s.n) {
        memcpy(w->text, s.p, s.n);
        return true;
    }
    char name[24];
    w->field = field_of((struct span){s.p, at});
    w->compare = s.p[at];
    if (w->field == ANY) {
        snprintf(problem, size, "there is no field \"%s\"",
                 str_escape((struct span){s.p, at}, name, sizeof name));
        return false;
    }
    return read_value(w, (struct span){s.p + at + 1, s.n - at - 1}, problem, size);
}

bool filter_parse(const char *text, struct filter *f, char *problem, size_t size)
{
    struct filter read = {0};
    struct span rest = span_of(text);
    while (rest.n > 0) {
        struct span word = span_cut(&rest, ' ');
        if (word.n == 0)
            continue;
        if (read.n == FILTER_WORDS) {
            snprintf(problem, size, "more than %d words", FILTER_WORDS);
            return false;
        }
        if (!read_word(word, &read.words[read.n], problem, size))
            return false;
        read.n++;
    }
    *f = read;
    return true;
}

/* ---- matching ---- */

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

long filter_find(struct span text, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; n > 0 && i + n <= text.n; i++) {
        size_t same = 0;
        while (same < n && lower(text.p[i + same]) == lower(word[same]))
            same++;
        if (same == n)
            return (long)i;
    }
    return -1;
}

static bool contains(const char *text, const char *word)
{
    return word[0] == '\0' || filter_find(span_of(text), word) >= 0;
}

static bool compares(double value, const struct filter_word *w)
{
    return w->compare == '<' ? value < w->number : value > w->number;
}

static bool id_contains(uint64_t id, const char *word)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)id);
    return contains(digits, word);
}

bool filter_contains(const struct snapshot_stream *s, const char *text)
{
    for (int i = 0; i < FIELDS; i++)
        if (fields[i].plain && fields[i].text != NULL && contains(fields[i].text(s), text))
            return true;
    return false;
}

static bool stream_word(const struct filter_word *w, const struct snapshot_stream *s)
{
    if (w->field == ID)
        return id_contains(s->id, w->text);
    if (w->field >= 0) {
        const struct field *field = &fields[w->field];
        if (field->number != NULL)
            return compares(field->number(s), w);
        return field->text == NULL || contains(field->text(s), w->text) ||
               contains(format_via(field->text(s)), w->text); /* in the form that the table shows */
    }
    return filter_contains(s, w->text);
}

bool filter_stream(const struct filter *f, const struct snapshot_stream *s)
{
    for (size_t i = 0; i < f->n; i++)
        if (stream_word(&f->words[i], s) == f->words[i].invert)
            return false;
    return true;
}

/* Whether the word is about a field that such an event has. */
static bool concerns(const struct filter_word *w, const struct snapshot_event *e)
{
    if (w->field < 0)
        return true;
    const struct field *field = &fields[w->field];
    if (field->event_number != NULL)
        return strcmp(e->event, "close") == 0;
    return field->event_text != NULL;
}

static bool event_word(const struct filter_word *w, const struct snapshot_event *e)
{
    if (w->field == ID)
        return id_contains(e->stream, w->text);
    if (w->field >= 0) {
        const struct field *field = &fields[w->field];
        return field->event_number != NULL ? compares(field->event_number(e), w)
                                           : contains(field->event_text(e), w->text);
    }
    for (int i = 0; i < FIELDS; i++)
        if (fields[i].plain && fields[i].event_text != NULL &&
            contains(fields[i].event_text(e), w->text))
            return true;
    return contains(e->event, w->text) || contains(e->reason, w->text);
}

bool filter_event(const struct filter *f, const struct snapshot_event *e)
{
    static const char *const of_streams[] = {"open", "close", "refuse"};
    bool stream = false;
    for (size_t i = 0; i < sizeof of_streams / sizeof *of_streams; i++)
        stream = stream || strcmp(e->event, of_streams[i]) == 0;
    for (size_t i = 0; stream && i < f->n; i++)
        if (concerns(&f->words[i], e) && event_word(&f->words[i], e) == f->words[i].invert)
            return false;
    return true;
}
