/* What the tunnels of one access key share: their bandwidth, and how often their ends may connect.
 * Made when first asked for; kept while it is held, since workers use it, and some time after. */
#ifndef GATEWAY_HUB_ACCOUNTS_H
#define GATEWAY_HUB_ACCOUNTS_H

#include "gateway/hub/api/limits.h"
#include "gateway/hub/relay/registration.h"

struct accounts;

struct accounts *accounts_new(void); /* NULL: no memory */
void accounts_free(struct accounts *a);
/* From now on by these limits, also for the accounts that there are. */
void accounts_rules(struct accounts *a, const struct limit_book *limits);
/* NULL: no memory. Good until the next accounts_tick, unless it is held. */
struct account *accounts_get(struct accounts *a, const char *key_id, uint64_t now);
const char *account_key(const struct account *account); /* the access key's id */
void account_hold(struct account *account);
void account_release(struct account *account, uint64_t now);
/* Frees those that nobody has held or asked for in ACCOUNT_IDLE_MS. Call it now and then. */
#define ACCOUNT_IDLE_MS 60000 /* far longer than what their limiters remember */
void accounts_tick(struct accounts *a, uint64_t now);
size_t accounts_count(const struct accounts *a);
/* Whether one more end of its tunnels may connect now (monotonic ms); counts it if so. */
bool account_connect(struct account *account, uint64_t now);

#endif
