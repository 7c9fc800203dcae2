#include "tui/state/ui_internal.h"

#include <stdarg.h>
#include <stdio.h>

void ui_say(struct ui *ui, bool bad, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(ui->message, sizeof ui->message, format, arguments);
    va_end(arguments);
    ui->message_bad = bad;
}
