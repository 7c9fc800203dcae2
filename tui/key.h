/* What a key is, for ui.h and terminal.h. */
#ifndef TUI_KEY_H
#define TUI_KEY_H

/* Keys that are no characters. Characters are their code points. */
enum key {
    KEY_NONE_ = 0x110000,
    KEY_UP_,
    KEY_DOWN_,
    KEY_LEFT_,
    KEY_RIGHT_,
    KEY_PAGE_UP_,
    KEY_PAGE_DOWN_,
    KEY_HOME_,
    KEY_END_,
    KEY_TAB_,
    KEY_BACK_TAB_,
    KEY_ENTER_,
    KEY_ESCAPE_,
    KEY_BACKSPACE_,
    KEY_DELETE_,
    KEY_PASTE_, /* what follows is pasted, up to: */
    KEY_PASTE_END_,
    KEY_F_,               /* KEY_F_ + 1 is F1 */
    KEY_CLICK_ = 0x110040 /* ui_click instead */
};

#endif
