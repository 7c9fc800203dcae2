/* What the tunnels of one access key share: their bandwidth, and how often their ends may connect.
 * An account is made when it is first asked for, and kept while it is held, since workers use it,
 * and for some time after. */
#ifndef GATEWAY_HUB_ACCOUNTS_H
#define GATEWAY_HUB_ACCOUNTS_H

#include "gateway/hub/api/limits.h"
#include "gateway/hub/relay/registration.h"

struct accounts;

struct accounts *accounts_new(void); /* NULL: no memory */
void accounts_free(struct accounts *a);
/* Applies these limits from now on, also to the accounts that exist. */
void accounts_rules(struct accounts *a, const struct limit_book *limits);
/* The account of that key, valid until the next accounts_tick unless it is held. NULL: no memory.
 */
struct account *accounts_get(struct accounts *a, const char *key_id, uint64_t now);
const char *account_key(const struct account *account); /* the access key's id */
void account_hold(struct account *account);
void account_release(struct account *account, uint64_t now);
/* Frees the accounts that were neither held nor asked for in the last ACCOUNT_IDLE_MS. To be called
 * regularly. */
#define ACCOUNT_IDLE_MS 60000 /* ms; far longer than their limiters remember */
void accounts_tick(struct accounts *a, uint64_t now);
size_t accounts_count(const struct accounts *a);
/* Whether one more end of the account's tunnels may connect now (monotonic ms). True: it is
 * counted. */
bool account_connect(struct account *account, uint64_t now);
/* The same for a new stream of the account's policy. */
bool account_stream(struct account *account, uint64_t now);

#endif
