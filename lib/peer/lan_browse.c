#include <avahi-common/error.h>
#include <avahi-core/lookup.h>
#include <stdlib.h>
#include <string.h>

#include "peer/lan_parts.h"

#define INSTANCES_MAX 512 /* that are asked about; those that come later are passed over */

/* An instance that was heard of at one interface: first where it listens and who it is, then which addresses that has. */
struct instance {
    struct mm_lan_work *work;
    struct mm_discovered found; /* but for its address */
    AvahiSServiceResolver *resolver;
    AvahiSRecordBrowser *browsers[2];
    struct instance *next;
};

struct browsing {
    struct instance *instances;
    size_t count;
    AvahiSServiceBrowser *browser;
};

static void address_came(AvahiSRecordBrowser *browser, AvahiIfIndex interface, AvahiProtocol protocol,
                         AvahiBrowserEvent event, AvahiRecord *record, AvahiLookupResultFlags flags, void *context)
{
    const struct instance *instance = context;
    struct mm_lan_message message = {.kind = MM_LAN_FOUND, .found = instance->found};
    (void)browser, (void)interface, (void)protocol, (void)flags;
    if (event != AVAHI_BROWSER_NEW || !record)
        return;
    message.found.is_ipv6 = record->key->type == AVAHI_DNS_TYPE_AAAA;
    if (message.found.is_ipv6)
        memcpy(message.found.address, &record->data.aaaa.address, 16);
    else if (record->key->type == AVAHI_DNS_TYPE_A)
        memcpy(message.found.address, &record->data.a.address, 4);
    else
        return;
    if (mm_discovered_is_sound(&message.found))
        mm_lan_say(instance->work, &message);
}

static AvahiSRecordBrowser *ask_for(struct instance *instance, AvahiIfIndex interface, const char *host, uint16_t type)
{
    AvahiKey *key = avahi_key_new(host, AVAHI_DNS_CLASS_IN, type);
    AvahiSRecordBrowser *browser =
        key ? avahi_s_record_browser_new(instance->work->server, interface, AVAHI_PROTO_UNSPEC, key,
                                         AVAHI_LOOKUP_USE_MULTICAST, address_came, instance)
            : NULL;
    if (key)
        avahi_key_unref(key);
    return browser;
}

/* One string names the peer; an announcement with several of them is not to be understood. */
static bool take_text(struct instance *instance, AvahiStringList *strings)
{
    unsigned char key[MM_PEER_KEY_BYTES];
    size_t good = 0, all = 0;
    for (AvahiStringList *at = strings; at; at = avahi_string_list_get_next(at)) {
        int read = mm_discovery_read(avahi_string_list_get_text(at), avahi_string_list_get_size(at), key);
        all += read != 0;
        good += read > 0;
        if (read > 0)
            memcpy(instance->found.key, key, sizeof key);
    }
    return all == 1 && good == 1;
}

static void resolved(AvahiSServiceResolver *resolver, AvahiIfIndex interface, AvahiProtocol protocol,
                     AvahiResolverEvent event, const char *name, const char *type, const char *domain, const char *host,
                     const AvahiAddress *address, uint16_t port, AvahiStringList *text, AvahiLookupResultFlags flags,
                     void *context)
{
    struct instance *instance = context;
    (void)resolver, (void)protocol, (void)name, (void)type, (void)domain, (void)address, (void)flags;
    if (event != AVAHI_RESOLVER_FOUND || instance->browsers[0] || !host || port == 0 || !take_text(instance, text))
        return;
    instance->found.port = port;
    instance->browsers[0] = ask_for(instance, interface, host, AVAHI_DNS_TYPE_A);
    instance->browsers[1] = ask_for(instance, interface, host, AVAHI_DNS_TYPE_AAAA);
}

static void heard_of(AvahiSServiceBrowser *browser, AvahiIfIndex interface, AvahiProtocol protocol,
                     AvahiBrowserEvent event, const char *name, const char *type, const char *domain,
                     AvahiLookupResultFlags flags, void *context)
{
    struct mm_lan_work *work = context;
    struct browsing *browsing = work->context;
    (void)browser, (void)flags;
    if (event == AVAHI_BROWSER_FAILURE)
        mm_lan_fail(work, "looking for peers", avahi_server_errno(work->server));
    if (event != AVAHI_BROWSER_NEW || browsing->count == INSTANCES_MAX)
        return;
    struct instance *instance = calloc(1, sizeof *instance);
    if (!instance)
        return;
    instance->work = work;
    strncpy(instance->found.name, name, sizeof instance->found.name - 1);
    instance->next = browsing->instances;
    browsing->instances = instance;
    browsing->count++;
    instance->resolver = avahi_s_service_resolver_new(work->server, interface, protocol, name, type, domain,
                                                      AVAHI_PROTO_UNSPEC, AVAHI_LOOKUP_NO_ADDRESS, resolved, instance);
}

static void release(struct browsing *browsing)
{
    while (browsing->instances) {
        struct instance *instance = browsing->instances;
        browsing->instances = instance->next;
        for (int i = 0; i < 2; i++)
            if (instance->browsers[i])
                avahi_s_record_browser_free(instance->browsers[i]);
        if (instance->resolver)
            avahi_s_service_resolver_free(instance->resolver);
        free(instance);
    }
    if (browsing->browser)
        avahi_s_service_browser_free(browsing->browser);
}

void mm_lan_browse_work(struct mm_lan_work *work)
{
    struct browsing browsing = {0};
    AvahiServerConfig config;
    // cppcheck-suppress autoVariables ; the work ends before this returns
    work->context = &browsing;
    avahi_server_config_init(&config);
    config.disable_publishing = 1;
    config.publish_addresses = 0;
    config.use_ipv4 = config.use_ipv6 = 1;
    if (mm_lan_serve(work, &config, NULL) == 0) {
        browsing.browser = avahi_s_service_browser_new(work->server, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC,
                                                       MM_DISCOVERY_TYPE, NULL, 0, heard_of, work);
        if (browsing.browser)
            mm_lan_run(work);
        else
            mm_lan_fail(work, "looking for peers", avahi_server_errno(work->server));
    }
    release(&browsing);
    if (work->server)
        avahi_server_free(work->server);
    avahi_server_config_free(&config);
}
