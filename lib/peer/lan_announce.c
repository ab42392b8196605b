#include <avahi-common/alternative.h>
#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <avahi-core/publish.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "peer/lan_parts.h"

#define NAMES_MAX 10 /* that are tried where others have the same one */

struct announcing {
    struct mm_lan_announcement what;
    char *name;
    unsigned names;
    AvahiSEntryGroup *group;
    bool said; /* that it is announced */
};

static void publish(struct mm_lan_work *work, AvahiServer *server);

/* Somebody else has the name. With as much of a key in it that is no accident, and no reason to go on for ever. */
static bool take_other_name(struct mm_lan_work *work, char *other)
{
    struct announcing *a = work->context;
    if (!other || ++a->names > NAMES_MAX) {
        avahi_free(other);
        mm_lan_fail(work, "the name is taken", AVAHI_ERR_COLLISION);
        return false;
    }
    avahi_free(a->name);
    a->name = other;
    return true;
}

static void group_changed(AvahiServer *server, AvahiSEntryGroup *group, AvahiEntryGroupState state, void *context)
{
    struct mm_lan_work *work = context;
    struct announcing *a = work->context;
    struct mm_lan_message message = {.kind = MM_LAN_ANNOUNCED};
    (void)group;
    if (state == AVAHI_ENTRY_GROUP_ESTABLISHED && !a->said) {
        a->said = true;
        mm_lan_say(work, &message);
    } else if (state == AVAHI_ENTRY_GROUP_COLLISION) {
        if (take_other_name(work, avahi_alternative_service_name(a->name)))
            publish(work, server);
    } else if (state == AVAHI_ENTRY_GROUP_FAILURE) {
        mm_lan_fail(work, "announcing", avahi_server_errno(server));
    }
}

/* The addresses that are named, as this machine's name has no others then. */
static int add_addresses(struct announcing *a, AvahiServer *server)
{
    int error = 0;
    for (size_t i = 0; error >= 0 && i < a->what.count; i++) {
        AvahiAddress address = {.proto = a->what.addresses[i].is_ipv6 ? AVAHI_PROTO_INET6 : AVAHI_PROTO_INET};
        memcpy(address.data.data, a->what.addresses[i].bytes, a->what.addresses[i].is_ipv6 ? 16 : 4);
        error = avahi_server_add_address(server, a->group, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC,
                                         AVAHI_PUBLISH_NO_REVERSE, NULL, &address);
    }
    return error;
}

/* Puts the records into the group and sends them on their way. */
static void publish(struct mm_lan_work *work, AvahiServer *server)
{
    struct announcing *a = work->context;
    char text[MM_DISCOVERY_TEXT];
    if (!a->group)
        a->group = avahi_s_entry_group_new(server, group_changed, work);
    if (!a->group) {
        mm_lan_fail(work, "announcing", avahi_server_errno(server));
        return;
    }
    avahi_s_entry_group_reset(a->group);
    int error = add_addresses(a, server);
    if (error >= 0)
        error = avahi_server_add_service(server, a->group, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, 0, a->name,
                                         MM_DISCOVERY_TYPE, NULL, NULL, a->what.port,
                                         mm_discovery_text(text, a->what.key), NULL);
    if (error >= 0)
        error = avahi_s_entry_group_commit(a->group);
    if (error < 0)
        mm_lan_fail(work, "announcing", error);
}

static void server_changed(AvahiServer *server, AvahiServerState state, void *context)
{
    struct mm_lan_work *work = context;
    struct announcing *a = work->context;
    if (state == AVAHI_SERVER_RUNNING) {
        publish(work, server);
    } else if (state == AVAHI_SERVER_FAILURE) {
        mm_lan_fail(work, "multicast DNS", avahi_server_errno(server));
    } else {
        if (a->group)
            avahi_s_entry_group_reset(a->group);
        if (state == AVAHI_SERVER_COLLISION &&
            take_other_name(work, avahi_alternative_host_name(avahi_server_get_host_name(server))))
            avahi_server_set_host_name(server, a->name);
    }
}

static bool is_named(const struct mm_lan_announcement *what, const struct sockaddr *address)
{
    for (size_t i = 0; address && i < what->count; i++) {
        const struct mm_lan_address *named = &what->addresses[i];
        if (address->sa_family == AF_INET && !named->is_ipv6 &&
            memcmp(&((const struct sockaddr_in *)(const void *)address)->sin_addr, named->bytes, 4) == 0)
            return true;
        if (address->sa_family == AF_INET6 && named->is_ipv6 &&
            memcmp(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, named->bytes, 16) == 0)
            return true;
    }
    return false;
}

/* Addresses that are named are announced where they are. Returns false where no interface has one. */
static bool allow_interfaces(const struct mm_lan_announcement *what, AvahiServerConfig *config)
{
    struct ifaddrs *all = NULL;
    if (what->count == 0)
        return true;
    if (getifaddrs(&all) < 0)
        return false;
    for (const struct ifaddrs *at = all; at; at = at->ifa_next)
        if (is_named(what, at->ifa_addr))
            config->allow_interfaces = avahi_string_list_add(config->allow_interfaces, at->ifa_name);
    freeifaddrs(all);
    return config->allow_interfaces != NULL;
}

void mm_lan_announce_work(struct mm_lan_work *work)
{
    struct announcing a = {0};
    AvahiServerConfig config;
    char name[MM_DISCOVERY_NAME];
    if (recv(work->fd, &a.what, sizeof a.what, 0) != (ssize_t)sizeof a.what || a.what.count > MM_LAN_ADDRESSES)
        return; /* nothing is to be announced after all */
    // cppcheck-suppress autoVariables ; the work ends before this returns
    work->context = &a;
    avahi_server_config_init(&config);
    avahi_free(config.host_name);
    config.host_name = avahi_strdup(mm_discovery_name(name, a.what.key));
    a.name = avahi_strdup(name);
    config.publish_addresses = a.what.count == 0;
    config.use_ipv4 = a.what.ipv4 || a.what.count > 0;
    config.use_ipv6 = a.what.ipv6 || a.what.count > 0;
    config.publish_a_on_ipv6 = config.publish_aaaa_on_ipv4 = 0;
    if (!config.host_name || !a.name)
        mm_lan_fail(work, "announcing", AVAHI_ERR_NO_MEMORY);
    else if (!allow_interfaces(&a.what, &config))
        mm_lan_fail(work, "no interface has that address", AVAHI_ERR_NO_NETWORK);
    else if (mm_lan_serve(work, &config, server_changed) == 0)
        mm_lan_run(work);
    if (work->server)
        avahi_server_free(work->server); /* takes back what was announced */
    avahi_free(a.name);
    avahi_server_config_free(&config);
}
