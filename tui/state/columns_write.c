#include "tui/state/columns_write.h"

#include <math.h>
#include <string.h>
#include <strings.h>

void column_put_text(struct column_text *out, const char *text, enum role role)
{
    out->text = span_of(text);
    out->role = role;
}

bool column_put_unknown(bool unknown, struct column_text *out)
{
    if (unknown)
        column_put_text(out, "?", ROLE_QUIET);
    return unknown;
}

void column_put_number(struct column_text *out, enum role role)
{
    bool zero = strcmp(out->buffer, "-") == 0 || strcmp(out->buffer, "0") == 0;
    column_put_text(out, out->buffer, zero ? ROLE_QUIET : role);
}

int compare_texts(const char *a, const char *b)
{
    a = a != NULL ? a : "";
    b = b != NULL ? b : "";
    int order = strcasecmp(a, b);
    return order != 0 ? order : strcmp(a, b);
}

int compare_counts(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

int compare_numbers(double a, double b)
{
    a = isnan(a) ? -INFINITY : a;
    b = isnan(b) ? -INFINITY : b;
    return (a > b) - (a < b);
}
