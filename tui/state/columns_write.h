/* What the tables of streams and services share to fill and compare their cells. */
#ifndef TUI_STATE_COLUMNS_WRITE_H
#define TUI_STATE_COLUMNS_WRITE_H

#include "tui/state/columns.h"

void column_put_text(struct column_text *out, const char *text, enum role role);
/* The buffer, which has been written. "-" and "0" are quiet. */
void column_put_number(struct column_text *out, enum role role);

int compare_texts(const char *a, const char *b); /* whatever the case */
int compare_counts(uint64_t a, uint64_t b);
int compare_numbers(double a, double b); /* what is no number is the least */

#endif
