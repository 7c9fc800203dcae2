/* What the tables of streams and services share to fill and compare their cells. */
#ifndef TUI_STATE_COLUMNS_WRITE_H
#define TUI_STATE_COLUMNS_WRITE_H

#include "tui/state/columns.h"

void column_put_text(struct column_text *out, const char *text, enum role role);
/* Shows the buffer, which has been written. "-" and "0" get a quiet look. */
void column_put_number(struct column_text *out, enum role role);

int compare_texts(const char *a, const char *b); /* ignores case */
int compare_counts(uint64_t a, uint64_t b);
int compare_numbers(double a, double b); /* NaN sorts first */

/* Of what is told of a moment some is not known. True: it was written so. */
bool column_put_unknown(bool unknown, struct column_text *out);

#endif
