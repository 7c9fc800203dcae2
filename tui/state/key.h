/* The codes of keys, for ui.h and terminal.h. */
#ifndef TUI_STATE_KEY_H
#define TUI_STATE_KEY_H

/* Keys other than characters. A character's key is its code point. */
enum key {
    UIKEY_NONE = 0x110000,
    UIKEY_UP,
    UIKEY_DOWN,
    UIKEY_LEFT,
    UIKEY_RIGHT,
    UIKEY_PAGE_UP,
    UIKEY_PAGE_DOWN,
    UIKEY_HOME,
    UIKEY_END,
    UIKEY_TAB,
    UIKEY_BACK_TAB,
    UIKEY_ENTER,
    UIKEY_ESCAPE,
    UIKEY_BACKSPACE,
    UIKEY_DELETE,
    UIKEY_PASTE, /* the following keys are pasted, up to UIKEY_PASTE_END */
    UIKEY_PASTE_END,
    UIKEY_F,               /* UIKEY_F + 1 is F1 */
    UIKEY_CLICK = 0x110040 /* a click, which is for ui_click */
};

#endif
