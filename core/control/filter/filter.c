#include "core/control/filter/filter.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A field that words can name: one of the texts, or of the numbers. */
struct field {
    const char *names[3];
    int text;   /* enum filter_text; -1: it is a number */
    int number; /* enum filter_number */
    bool plain; /* a word without a name matches here as well */
    bool time;  /* the number is seconds, not bytes */
};

static const struct field fields[] = {
    {{"client", "source"}, FILTER_CLIENT, 0, true, false},
    {{"process"}, FILTER_PROCESS, 0, true, false},
    {{"user"}, FILTER_USER, 0, true, false},
    {{"service", "thing"}, FILTER_SERVICE, 0, true, false},
    {{"device", "tunnel"}, FILTER_TUNNEL, 0, true, false},
    {{"target", "destination"}, FILTER_TARGET, 0, true, false},
    {{"asked", "host"}, FILTER_ASKED, 0, true, false},
    {{"state", "stat"}, FILTER_STATE, 0, true, false},
    {{"via"}, FILTER_VIA, 0, false, false},
    {{"reason"}, FILTER_REASON, 0, true, false},
    {{"text"}, FILTER_TEXT, 0, true, false},
    {{NULL}, FILTER_EVENT, 0, true, false},
    {{"age"}, -1, FILTER_AGE, false, true},
    {{"idle"}, -1, FILTER_IDLE, false, true},
    {{"down"}, -1, FILTER_DOWN, false, false},
    {{"up"}, -1, FILTER_UP, false, false},
    {{"down/s"}, -1, FILTER_RATE_DOWN, false, false},
    {{"up/s"}, -1, FILTER_RATE_UP, false, false},
};
enum { FIELDS = sizeof fields / sizeof *fields, ANY = -1, ID = -2 };

const char *filter_via(const char *via)
{
    static const char *const shorter[][2] = {
        {"socks5", "s5"}, {"socks4", "s4"}, {"connect", "con"}};
    for (size_t i = 0; i < sizeof shorter / sizeof *shorter; i++)
        if (strcmp(via, shorter[i][0]) == 0)
            return shorter[i][1];
    return via;
}

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
    bool number = field != NULL && field->text < 0;
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

bool filter_contains(const struct filter_facts *facts, const char *text)
{
    for (int i = 0; i < FIELDS; i++) {
        const char *has = fields[i].plain ? facts->texts[fields[i].text] : NULL;
        if (has != NULL && contains(has, text))
            return true;
    }
    return false;
}

/* Whether there is such a field. */
static bool concerns(const struct filter_word *w, const struct filter_facts *facts)
{
    if (w->field < 0)
        return true;
    const struct field *field = &fields[w->field];
    return field->text >= 0 ? facts->texts[field->text] != NULL
                            : !isnan(facts->numbers[field->number]);
}

static bool matches(const struct filter_word *w, const struct filter_facts *facts)
{
    if (w->field == ID)
        return id_contains(facts->id, w->text);
    if (w->field == ANY)
        return filter_contains(facts, w->text);
    const struct field *field = &fields[w->field];
    if (field->text < 0)
        return compares(facts->numbers[field->number], w);
    const char *text = facts->texts[field->text];
    return contains(text, w->text) ||
           (field->text == FILTER_VIA && contains(filter_via(text), w->text));
}

bool filter_matches(const struct filter *f, const struct filter_facts *facts)
{
    for (size_t i = 0; i < f->n; i++)
        if (concerns(&f->words[i], facts) && matches(&f->words[i], facts) == f->words[i].invert)
            return false;
    return true;
}
