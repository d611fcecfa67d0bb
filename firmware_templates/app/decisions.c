#include "decisions.h"

#include "birdnet_rules.h"
#include "classes.h"
#include "protocol.h"

static const birdnet_network_t *network;
static uint32_t recording;

birdnet_status_t decisions_init(const birdnet_network_t *of_network) {
    network = of_network;
    return birdnet_rules_init(network);
}

static void print_event(void *context, const birdnet_event_t *event) {
    (void)context;
    protocol_event(recording, event, classes_name(network, event->label));
}

void decisions_begin(uint32_t number) {
    recording = number;
    (void)birdnet_rules_begin();
}

birdnet_status_t decisions_push(const float *probabilities, uint64_t start_samples) {
    return birdnet_rules_push(probabilities, start_samples, print_event, NULL);
}

birdnet_status_t decisions_finish(uint64_t samples) {
    const birdnet_status_t status = birdnet_rules_finish(samples, print_event, NULL);
    for (uint32_t label = 0; label < classes_count(network) && status == BIRDNET_OK; ++label) {
        const birdnet_events_tally_t *tally = birdnet_rules_tally(label);
        if (tally != NULL && tally->reached > tally->in_events) {
            protocol_left_out(recording, label, tally, classes_name(network, label));
        }
    }
    return status;
}
