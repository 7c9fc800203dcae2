/* A budget for the memory of all byte queues of a program, and an account for each of them. One
 * account that takes a lot must leave something to the others: half of the budget is divided into
 * equal shares, one for each account, which no other account can take; the other half goes to the
 * accounts that ask for it. So all accounts together never hold more than the limit, except for
 * what an owner knowingly takes without asking. For one thread. */
#ifndef CORE_BASE_BUDGET_H
#define CORE_BASE_BUDGET_H

#include "core/base/list.h"

#include <stdint.h>

#define BUDGET_BLOCK 16384 /* the largest piece of memory of a queue */

struct budget {
    size_t limit; /* bytes */
    /* private */
    size_t n, common; /* accounts; bytes that they hold beyond their shares */
    struct list accounts;
    void *spare; /* blocks of BUDGET_BLOCK bytes, kept for reuse */
    size_t n_spare;
};

struct account {
    size_t used; /* bytes in use at present */
    /* private */
    size_t most;
    struct budget *budget;
    struct list node;
};

void budget_init(struct budget *b, size_t limit);
void budget_free(struct budget *b); /* after its accounts have been closed */

/* most: the bytes that this account may hold by itself. */
void account_open(struct account *a, struct budget *b, size_t most);
/* The account must be empty; one that was never opened is fine. */
void account_close(struct account *a);
/* Whether the account may take n bytes more. Taking does not depend on the answer. */
bool account_may(const struct account *a, size_t n);
/* The bytes that the account could hold if all others held nothing. */
size_t account_limit(const struct account *a);

/* A block of n bytes, at most BUDGET_BLOCK, charged to the account; NULL: no memory. */
void *account_take(struct account *a, size_t n);
void account_give(struct account *a, void *block, size_t n);

#endif
