#include "core/base/nearest.h"

#include <stdio.h>
#include <string.h>

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Both texts have at most NEAREST_MAX bytes. */
static unsigned distance(struct span a, struct span b)
{
    unsigned rows[3][NEAREST_MAX + 1]; /* of letters i - 2, i - 1 and i, by i % 3 */
    for (unsigned j = 0; j <= b.n; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a.n; i++) {
        unsigned *now = rows[i % 3], *before = rows[(i + 2) % 3], *earlier = rows[(i + 1) % 3];
        now[0] = i;
        for (unsigned j = 1; j <= b.n; j++) {
            char x = lower(a.p[i - 1]), y = lower(b.p[j - 1]);
            now[j] = least(before[j - 1] + (x != y), least(before[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && x == lower(b.p[j - 2]) && y == lower(a.p[i - 2]))
                now[j] = least(now[j], earlier[j - 2] + 1);
        }
    }
    return rows[a.n % 3][b.n];
}

struct nearest nearest_to(struct span asked)
{
    return (struct nearest){.asked = asked};
}

void nearest_try(struct nearest *n, const char *name)
{
    struct span s = span_of(name);
    if (n->asked.n == 0 || n->asked.n > NEAREST_MAX || s.n > NEAREST_MAX)
        return;
    unsigned steps = distance(n->asked, s), most = (unsigned)(s.n < 3 ? 1 : s.n / 3);
    if (steps > most || steps >= s.n || (n->name != NULL && steps >= n->steps))
        return;
    n->name = name;
    n->steps = steps;
}

const char *nearest_advice(const struct nearest *n, const char *prefix, char *text, size_t size)
{
    text[0] = '\0';
    if (n->name != NULL)
        snprintf(text, size, "; did you mean %s%s?", prefix, n->name);
    return text;
}
