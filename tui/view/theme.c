#include "tui/view/theme.h"

#include <string.h>

enum { OWN = -1, BLACK, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE };

#define LOOK(foreground, ...)                                                                      \
    {                                                                                              \
        .text = (foreground), .back = OWN, __VA_ARGS__                                             \
    }
#define PLAIN .bold = false
#define BOLD .bold = true
#define DIM .dim = true
#define REVERSE .reverse = true
#define UNDERLINE .underline = true

static const struct look mono[ROLE_COUNT] = {
    [ROLE_TEXT] = LOOK(OWN, PLAIN),
    [ROLE_TITLE] = LOOK(OWN, REVERSE),
    [ROLE_OK] = LOOK(OWN, PLAIN),
    [ROLE_BUSY] = LOOK(OWN, BOLD),
    [ROLE_BAD] = LOOK(OWN, BOLD),
    [ROLE_DOWN] = LOOK(OWN, PLAIN),
    [ROLE_UP] = LOOK(OWN, PLAIN),
    [ROLE_HEAD] = LOOK(OWN, REVERSE),
    [ROLE_HEAD_OTHER] = LOOK(OWN, UNDERLINE),
    [ROLE_SELECTED] = LOOK(OWN, REVERSE),
    [ROLE_SELECTED_OTHER] = LOOK(OWN, BOLD),
    [ROLE_TAGGED] = LOOK(OWN, BOLD),
    [ROLE_QUIET] = LOOK(OWN, DIM),
    [ROLE_KEY] = LOOK(OWN, BOLD),
    [ROLE_LABEL] = LOOK(OWN, PLAIN),
    [ROLE_MATCH] = LOOK(OWN, UNDERLINE),
};

/* Bright black would be the natural grey, and is the background's colour in some schemes; dim text
 * is almost white on white in a terminal within a terminal (screen in xterm). So no grey is used.
 */
static const struct look sixteen[ROLE_COUNT] = {
    [ROLE_TEXT] = LOOK(OWN, PLAIN),
    [ROLE_TITLE] = LOOK(OWN, REVERSE),
    [ROLE_OK] = LOOK(GREEN, PLAIN),
    [ROLE_BUSY] = LOOK(YELLOW, PLAIN),
    [ROLE_BAD] = LOOK(RED, BOLD),
    [ROLE_DOWN] = LOOK(CYAN, PLAIN),
    [ROLE_UP] = LOOK(MAGENTA, PLAIN),
    [ROLE_HEAD] = LOOK(CYAN, REVERSE),
    [ROLE_HEAD_OTHER] = LOOK(OWN, UNDERLINE),
    [ROLE_SELECTED] = LOOK(OWN, REVERSE),
    [ROLE_SELECTED_OTHER] = LOOK(OWN, BOLD),
    [ROLE_TAGGED] = LOOK(YELLOW, BOLD),
    [ROLE_QUIET] = LOOK(OWN, PLAIN),
    [ROLE_KEY] = LOOK(OWN, BOLD),
    [ROLE_LABEL] = LOOK(OWN, PLAIN),
    [ROLE_MATCH] = LOOK(OWN, UNDERLINE),
};

/* Middle tones, which stand out on light and dark backgrounds alike. */
static const struct look many[ROLE_COUNT] = {
    [ROLE_TEXT] = LOOK(OWN, PLAIN),
    [ROLE_TITLE] = LOOK(OWN, REVERSE),
    [ROLE_OK] = LOOK(71, PLAIN),
    [ROLE_BUSY] = LOOK(178, PLAIN),
    [ROLE_BAD] = LOOK(203, BOLD),
    [ROLE_DOWN] = LOOK(74, PLAIN),
    [ROLE_UP] = LOOK(176, PLAIN),
    [ROLE_HEAD] = LOOK(74, REVERSE),
    [ROLE_HEAD_OTHER] = LOOK(OWN, UNDERLINE),
    [ROLE_SELECTED] = {.text = 231, .back = 24},
    [ROLE_SELECTED_OTHER] = LOOK(OWN, BOLD),
    [ROLE_TAGGED] = LOOK(178, BOLD),
    [ROLE_QUIET] = LOOK(244, PLAIN),
    [ROLE_KEY] = LOOK(OWN, BOLD),
    [ROLE_LABEL] = LOOK(OWN, PLAIN),
    [ROLE_MATCH] = LOOK(OWN, UNDERLINE),
};

const struct look *theme_look(enum depth depth, enum role role)
{
    if (depth == DEPTH_PLAIN && role == ROLE_QUIET)
        role = ROLE_TEXT;
    return depth == DEPTH_256 ? &many[role] : depth == DEPTH_16 ? &sixteen[role] : &mono[role];
}

enum depth theme_depth(const char *wanted, const char *no_color, const char *term, int colours)
{
    if (strcmp(wanted, "never") == 0)
        return DEPTH_PLAIN;
    if (strcmp(wanted, "16") == 0)
        return DEPTH_16;
    if (strcmp(wanted, "256") == 0)
        return DEPTH_256;
    if (no_color != NULL && *no_color != '\0')
        return DEPTH_PLAIN;
    if (term == NULL || strcmp(term, "dumb") == 0 || colours < 8)
        return DEPTH_MONO;
    /* Above 256 (xterm-direct) a colour's number is its RGB value, where the palette's numbers are
     * dark blues; only the first eight keep their meaning. */
    return colours == 256 ? DEPTH_256 : DEPTH_16;
}

enum graph_style theme_graph(const char *(*environment)(const char *name))
{
    /* Beginnings of values. The first match decides. */
    static const struct {
        const char *name, *value;
        enum graph_style style;
    } terminals[] = {
        {"TERM", "linux", GRAPH_ASCII},
        {"TERM", "alacritty", GRAPH_BRAILLE},
        {"TERM", "foot", GRAPH_BRAILLE},
        {"TERM", "wezterm", GRAPH_BRAILLE},
        {"TERM", "xterm-ghostty", GRAPH_BRAILLE},
        {"TERM", "xterm-kitty", GRAPH_BRAILLE},
        {"TERM_PROGRAM", "WezTerm", GRAPH_BRAILLE},
        {"TERM_PROGRAM", "ghostty", GRAPH_BRAILLE},
        {"TERM_PROGRAM", "iTerm", GRAPH_BRAILLE},
        {"TERM_PROGRAM", "vscode", GRAPH_BRAILLE},
        {"VTE_VERSION", "", GRAPH_BRAILLE},
        {"KONSOLE_VERSION", "", GRAPH_BRAILLE},
        {"WT_SESSION", "", GRAPH_BRAILLE},
    };
    for (size_t i = 0; i < sizeof terminals / sizeof *terminals; i++) {
        const char *value = environment(terminals[i].name), *begin = terminals[i].value;
        if (value != NULL && *value != '\0' && strncmp(value, begin, strlen(begin)) == 0)
            return terminals[i].style;
    }
    return GRAPH_BLOCKS;
}
