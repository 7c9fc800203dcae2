/* How much memory all byte queues of a program may take together, and each account of it: one that
 * takes a lot may not leave nothing to the others. Half of the budget is divided into equal shares,
 * one for each account, which nobody else can take; the other half is for whoever needs it. So the
 * accounts together never hold more than the limit, but for what their owners allow themselves
 * knowingly. One thread. */
#ifndef CORE_BASE_BUDGET_H
#define CORE_BASE_BUDGET_H

#include "core/base/list.h"

#include <stdint.h>

#define BUDGET_BLOCK 16384 /* the largest piece of memory of a queue */

struct budget {
    size_t limit; /* bytes */
    /* private */
    size_t n, common; /* accounts; what they hold beyond their shares */
    struct list accounts;
    void *spare; /* blocks of BUDGET_BLOCK bytes, kept for reuse */
    size_t n_spare;
};

struct account {
    size_t used; /* bytes, at present */
    /* private */
    size_t most;
    struct budget *budget;
    struct list node;
};

void budget_init(struct budget *b, size_t limit);
void budget_free(struct budget *b); /* after its accounts have been closed */

/* most: what it may hold by itself, in bytes. */
void account_open(struct account *a, struct budget *b, size_t most);
void account_close(struct account *a); /* empty by then; fine when it was never opened */
/* Whether it may take n bytes more. It may do so without asking, too. */
bool account_may(const struct account *a, size_t n);
/* What it could hold if nobody else held anything. */
size_t account_limit(const struct account *a);

/* A block of n bytes, at most BUDGET_BLOCK, charged to the account; NULL: no memory. */
void *account_take(struct account *a, size_t n);
void account_give(struct account *a, void *block, size_t n);

#endif
