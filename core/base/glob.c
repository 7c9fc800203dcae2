#include "core/base/glob.h"

/* Whether a character of the pattern, other than a star, takes that of the text. In a pattern a
 * star stands for any number of characters, which one character of a rule cannot take. */
static bool takes(char pattern, char text, bool text_is_pattern)
{
    return pattern == '?' ? !text_is_pattern || text != '*' : pattern == text;
}

/* On a mismatch only the last star takes one more character: everything before it has matched as
 * early as possible, and a later match would not leave more for the rest. */
static bool match(struct span pattern, struct span text, bool text_is_pattern)
{
    size_t p = 0, t = 0, star = pattern.n, resume = 0; /* star: pattern.n until there is one */
    while (t < text.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.n && takes(pattern.p[p], text.p[t], text_is_pattern)) {
            p++;
            t++;
        } else if (star < pattern.n) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

bool glob_match(struct span pattern, struct span text)
{
    return match(pattern, text, false);
}

bool glob_covers(struct span rule, struct span pattern)
{
    return match(rule, pattern, true);
}
