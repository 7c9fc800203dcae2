/* The page /devices: its clients wait for the hub, which is asked for the list. */
#ifndef GATEWAY_SOURCE_MAIN_DEVICE_PAGE_H
#define GATEWAY_SOURCE_MAIN_DEVICE_PAGE_H

#include "core/base/list.h"
#include "gateway/source/device_list.h"
#include "gateway/source/inbound.h"

struct device_page {
    struct list waiting;
};

void device_page_init(struct device_page *p);
/* As inbound_options.later. False: it is another page, or the client may not see this one, or no
 * memory. */
bool device_page_later(struct device_page *p, const struct devices_api *api,
                       const struct names *names, const struct inbound_page *page,
                       struct inbound_wait *w);
/* Tells those who wait that there is nothing to wait for: before the API and the names go. */
void device_page_end(struct device_page *p);

#endif
