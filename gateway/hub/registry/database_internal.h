/* Private to database.h: database.c writes changes, rows.c reads all that is there, device_rows.c
 * has the rows of devices and invitations for both. */
#ifndef GATEWAY_HUB_REGISTRY_DATABASE_INTERNAL_H
#define GATEWAY_HUB_REGISTRY_DATABASE_INTERNAL_H

#include "gateway/hub/registry/database.h"
#include "gateway/hub/registry/sql.h"

/* X(name, SQL); parameters are bound in their order */
#define STATEMENT_TABLE(X)                                                                         \
    X(OPEN,                                                                                        \
      "INSERT INTO tunnels (number, id, key_id, thing, description, created, updated, "            \
      "lifetime_minutes, expires, closed, idle_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")      \
    X(OPEN_SIDE, "INSERT INTO sides (tunnel, side, token, used, client, connected, changed) "      \
                 "VALUES (?, ?, ?, ?, ?, ?, ?)")                                                   \
    X(OPEN_SERVICE, "INSERT INTO services (tunnel, position, name) VALUES (?, ?, ?)")              \
    X(CLOSE, "UPDATE tunnels SET closed = ?2, updated = ?2 WHERE number = ?1 AND closed = 0")      \
    X(UPDATE, "UPDATE tunnels SET updated = ?2 WHERE number = ?1")                                 \
    X(UPDATE_OPEN, "UPDATE tunnels SET updated = ?2 WHERE number = ?1 AND closed = 0")             \
    X(REMOVE, "DELETE FROM tunnels WHERE number = ?")                                              \
    X(REMOVE_SIDES, "DELETE FROM sides WHERE tunnel = ?")                                          \
    X(REMOVE_SERVICES, "DELETE FROM services WHERE tunnel = ?")                                    \
    X(REMOVE_TAGS, "DELETE FROM tags WHERE tunnel = ?")                                            \
    X(ROTATE, "UPDATE sides SET token = ?3, used = 0, client = NULL WHERE tunnel = ?1 AND "        \
              "side = ?2 AND EXISTS (SELECT 1 FROM tunnels WHERE number = ?1 AND closed = 0)")     \
    X(USE, "UPDATE sides SET used = 1, client = ?4 "                                               \
           "WHERE tunnel = ?1 AND side = ?2 AND token = ?3")                                       \
    X(TAG, "INSERT INTO tags (tunnel, key, value) SELECT ?1, ?2, ?3 WHERE EXISTS "                 \
           "(SELECT 1 FROM tunnels WHERE number = ?1) "                                            \
           "ON CONFLICT (tunnel, key) DO UPDATE SET value = excluded.value")                       \
    X(UNTAG, "DELETE FROM tags WHERE tunnel = ? AND key = ?")                                      \
    X(STATE, "UPDATE sides SET connected = ?3, changed = ?4 WHERE tunnel = ?1 AND side = ?2")      \
    X(DEVICE, "INSERT OR REPLACE INTO devices (name, state, key, by_certificate, invitation, "     \
              "enrolled, last_seen, last_address, version, services, labels, azure_id, "           \
              "sealed, topics) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                 \
    X(DEVICE_REMOVE, "DELETE FROM devices WHERE name = ?")                                         \
    X(INVITATION, "INSERT INTO invitations (id, token, names, labels, uses, used, created, "       \
                  "expires, key_id, approve) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")               \
    X(INVITATION_USE, "UPDATE invitations SET used = used + 1 WHERE id = ?")                       \
    X(INVITATION_REMOVE, "DELETE FROM invitations WHERE id = ?")

enum statement {
#define X(name, sql) STATEMENT_##name,
    STATEMENT_TABLE(X)
#undef X
        STATEMENT_COUNT
};

struct database {
    char *path;
    sqlite3 *db; /* NULL after an error; the next call reopens it */
    sqlite3_stmt *statements[STATEMENT_COUNT];
    unsigned long long device, inode; /* of the file that was read */
};

/* The backend's `read` (rows.c). */
enum err database_read(void *backend, const struct store_reader *to, void *owner, char *text,
                       size_t size);

/* Bind a row's values and write it (device_rows.c); an SQLite result. */
int device_rows_write(struct sql_call *c, const struct device_record *device);
int device_rows_write_invitation(struct sql_call *c, const struct invitation *i);

int change_apply(struct database *d, const struct change *c); /* change.c; an SQLite result */

#endif
