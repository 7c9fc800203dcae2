/* Reads rows and checks their fields: what rows.c and device_rows.c, which read the whole database,
 * have in common. Private to them. */
#ifndef GATEWAY_HUB_REGISTRY_ROW_READER_H
#define GATEWAY_HUB_REGISTRY_ROW_READER_H

#include "gateway/hub/registry/database_internal.h"

/* The tables of tunnels are read side by side, each in the order of the tunnels' numbers; the
 * others one after the other. */
enum table {
    TABLE_TUNNELS,
    TABLE_SIDES,
    TABLE_SERVICES,
    TABLE_TAGS,
    TUNNEL_TABLES,
    TABLE_INVITATIONS = TUNNEL_TABLES,
    TABLE_DEVICES,
    TABLE_COUNT
};

struct reader {
    const struct database *d;
    const struct store_reader *to;
    void *owner;
    sqlite3_stmt *table[TABLE_COUNT];
    bool row[TABLE_COUNT]; /* the table's statement is at a row */
    int result;            /* SQLITE_OK until SQLite reports an error */
    enum err why;
    const char *problem; /* what is invalid about `subject` */
    char subject[80];    /* "tunnel number 5" */
};

/* Notes the first error. False. */
bool row_reader_fail(struct reader *r, enum err why, const char *problem);
bool row_reader_step(struct reader *r, enum table t);
/* Each takes the value of a column of the present row. False: it is invalid, which is noted, or
 * there is no memory. */
bool row_reader_number(struct reader *r, enum table t, int column, int64_t least, int64_t *out);
bool row_reader_flag(struct reader *r, enum table t, int column, bool *out);
bool row_reader_text(struct reader *r, enum table t, int column, struct span *out); /* a view */
bool row_reader_copy(struct reader *r, enum table t, int column, char **out);
bool row_reader_bytes(struct reader *r, enum table t, int column, void *out, size_t n);
/* 1 to `most` bytes, malloc'd. */
bool row_reader_blob(struct reader *r, enum table t, int column, size_t most, uint8_t **out,
                     size_t *n);

/* ---- device_rows.c ---- */

/* Reads all invitations, then all devices (device_rows.c). */
bool device_rows_read(struct reader *r);

#endif
