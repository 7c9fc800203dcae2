/* The page's HTML; private to this folder. Without memory, or beyond the limit, it ends early, and
 * a browser shows what it has. */
#ifndef CORE_CONTROL_PAGE_PAGE_DOCUMENT_H
#define CORE_CONTROL_PAGE_PAGE_DOCUMENT_H

#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/control/monitor.h"

void page_document(struct monitor *m, struct span query, struct buf *out); /* all of it */
void page_middle(struct monitor *m, struct span query, struct buf *out);   /* what changes */

#endif
