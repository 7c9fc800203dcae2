#include "tui/view/render.h"

#include "core/base/unicode.h"
#include "tui/state/key.h"

#include <string.h>

static const char letters[ROLE_COUNT] = {
    [ROLE_TEXT] = '.',
    [ROLE_TITLE] = 'T',
    [ROLE_OK] = 'o',
    [ROLE_BUSY] = 'y',
    [ROLE_BAD] = '!',
    [ROLE_DOWN] = 'd',
    [ROLE_UP] = 'u',
    [ROLE_HEAD] = 'H',
    [ROLE_HEAD_OTHER] = 'h',
    [ROLE_SELECTED] = 'S',
    [ROLE_SELECTED_OTHER] = 's',
    [ROLE_TAGGED] = 't',
    [ROLE_QUIET] = 'q',
    [ROLE_KEY] = 'K',
    [ROLE_LABEL] = 'l',
    [ROLE_MATCH] = 'm',
};

static bool append(struct buf *out, const struct cell *cell, bool roles)
{
    char text[4] = {letters[cell->role]};
    size_t n = roles ? 1 : cell->c == 0 ? 0 : utf8_encode(cell->c, text);
    return buf_append(out, text, n);
}

bool render_grid(const struct grid *g, bool roles, struct buf *out)
{
    for (int row = 0; row < g->rows; row++) {
        const struct cell *cells = &g->cells[row * g->columns];
        int n = g->columns;
        while (!roles && n > 0 && cells[n - 1].c == ' ')
            n--;
        for (int i = 0; i < n; i++)
            if (!append(out, &cells[i], roles))
                return false;
        if (!buf_append(out, "\n", 1))
            return false;
    }
    return true;
}

static const struct {
    const char *name;
    uint32_t key;
} names[] = {
    {"Enter", UIKEY_ENTER},
    {"Esc", UIKEY_ESCAPE},
    {"Tab", UIKEY_TAB},
    {"Up", UIKEY_UP},
    {"Down", UIKEY_DOWN},
    {"BackTab", UIKEY_BACK_TAB},
    {"Left", UIKEY_LEFT},
    {"Right", UIKEY_RIGHT},
    {"Backspace", UIKEY_BACKSPACE},
    {"Home", UIKEY_HOME},
    {"End", UIKEY_END},
    {"Del", UIKEY_DELETE},
    {"PgUp", UIKEY_PAGE_UP},
    {"PgDn", UIKEY_PAGE_DOWN},
    {"Paste", UIKEY_PASTE},
    {"PasteEnd", UIKEY_PASTE_END},
};

/* 0: there is no such name. */
static uint32_t named_key(struct span name)
{
    uint64_t number;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (span_is(name, names[i].name))
            return names[i].key;
    if (name.n == 3 && memcmp(name.p, "C-", 2) == 0 && name.p[2] >= 'a' && name.p[2] <= 'z')
        return (uint32_t)(name.p[2] - 'a' + 1);
    if (name.n > 1 && name.p[0] == 'F' &&
        str_number((struct span){name.p + 1, name.n - 1}, 12, &number) && number > 0)
        return UIKEY_F + (uint32_t)number;
    return 0;
}

bool render_key(struct span *keys, uint32_t *key)
{
    const char *end = keys->n > 0 && *keys->p == '<' ? memchr(keys->p, '>', keys->n) : NULL;
    size_t n = 0;
    if (keys->n == 0)
        return false;
    if (end != NULL) {
        *key = named_key((struct span){keys->p + 1, (size_t)(end - keys->p) - 1});
        n = *key != 0 ? (size_t)(end - keys->p) + 1 : 0;
    }
    if (n == 0)
        n = utf8_decode(*keys, key);
    if (n == 0) {
        *key = UIKEY_NONE;
        n = 1;
    }
    *keys = (struct span){keys->p + n, keys->n - n};
    return true;
}
