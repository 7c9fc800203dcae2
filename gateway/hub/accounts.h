/* What the tunnels of one access key share while the hub runs: their bandwidth, and how often their
 * ends may connect. Made when first asked for, kept until the end: workers use them. */
#ifndef GATEWAY_HUB_ACCOUNTS_H
#define GATEWAY_HUB_ACCOUNTS_H

#include "gateway/hub/api/limits.h"
#include "gateway/hub/relay/ticket.h"

struct accounts;

struct accounts *accounts_new(void); /* NULL: no memory */
void accounts_free(struct accounts *a);
/* From now on by these limits, also for the accounts that there are. */
void accounts_rules(struct accounts *a, const struct limit_book *limits);
/* NULL: no memory. */
struct account *accounts_get(struct accounts *a, const char *key_id);
/* Whether one more end of its tunnels may connect now (monotonic ms); counts it if so. */
bool account_connect(struct account *account, uint64_t now);

#endif
