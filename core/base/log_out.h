/* Private to core/base: writes the log's lines to standard error. Its reader may stop, such as a
 * terminal held with Ctrl-S or a log driver that hangs: then a line is lost, and the program does
 * not wait. */
#ifndef CORE_BASE_LOG_OUT_H
#define CORE_BASE_LOG_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Finds out what standard error is now. Without this call lines are written all the same, and may
 * block. */
void log_out_setup(void);
/* Writes one line with its newline in one write, so that lines of several programs on one terminal
 * do not mix. False: the line is lost, or only a part of it was taken. */
bool log_out(const uint8_t *line, size_t n);

#endif
