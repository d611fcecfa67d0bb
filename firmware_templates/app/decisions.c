#include "decisions.h"

#include "app_config.h"
#include "app_rules.h"
#include "birdnet_frontend_config.h"
#include "classes.h"
#include "protocol.h"

#include <string.h>

/* Of all classes that memory is reserved for. */
static struct {
    birdnet_events_class_t classes[BIRDNET_OUTPUT_ELEMENTS];
    uint64_t starts[APP_RULE_WINDOWS];
    uint32_t recent[APP_RULE_WINDOWS * BIRDNET_OUTPUT_ELEMENTS];
} memory __attribute__((section(".birdnet_buffers")));

static birdnet_events_t events;
static const birdnet_network_t *network;
static uint32_t recording;

birdnet_status_t decisions_init(const birdnet_network_t *of_network) {
    const birdnet_events_memory_t given = {.classes = memory.classes,
                                           .recent = memory.recent,
                                           .starts = memory.starts,
                                           .windows = APP_RULE_WINDOWS};
    network = of_network;
    const uint32_t classes = classes_count(network);
    birdnet_status_t status =
        birdnet_events_init(&events, given, classes, classes_thresholds(network), &app_rule,
                            BIRDNET_SAMPLE_RATE_HZ, BIRDNET_WINDOW_SAMPLES);
    for (const app_own_rule_t *own = app_own_rules; own->label != NULL; ++own) {
        for (uint32_t label = 0; label < classes && status == BIRDNET_OK; ++label) {
            if (strcmp(own->label, classes_name(network, label)) == 0) {
                status = birdnet_events_use_rule(&events, label, &own->rule);
            }
        }
    }
    return status;
}

static void print_event(void *context, const birdnet_event_t *event) {
    (void)context;
    protocol_event(recording, event, classes_name(network, event->label));
}

void decisions_begin(uint32_t number) {
    recording = number;
    (void)birdnet_events_begin(&events);
}

birdnet_status_t decisions_push(const float *probabilities, uint64_t start_samples) {
    return birdnet_events_push(&events, probabilities, start_samples, NULL, print_event, NULL);
}

birdnet_status_t decisions_finish(uint64_t samples) {
    return birdnet_events_finish(&events, samples, print_event, NULL);
}
