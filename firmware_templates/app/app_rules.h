/* How windows become events, see runtime/birdnet_events.h. */
#ifndef APP_RULES_H
#define APP_RULES_H

#include "birdnet_events.h"

/* The rule of one species. */
typedef struct {
    const char *label; /* null: behind the last one */
    birdnet_event_rule_t rule;
} app_own_rule_t;

/* The rule of every class that has no rule of its own. */
extern const birdnet_event_rule_t app_rule;

/* The rules of species, up to the one whose label is null. */
extern const app_own_rule_t app_own_rules[];

#endif
