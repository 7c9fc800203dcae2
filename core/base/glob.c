#include "core/base/glob.h"

/* On a mismatch only the last star takes one more character: everything before it has matched as
 * early as possible, and a later match would not leave more for the rest. */
bool glob_match(struct span pattern, struct span text)
{
    size_t p = 0, t = 0, star = pattern.n, resume = 0; /* star: pattern.n until there is one */
    while (t < text.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.n && (pattern.p[p] == '?' || pattern.p[p] == text.p[t])) {
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
