/* Turns the scores of a recording's windows into its events, by the rules in birdnet_rules.h, and
 * prints them. */
#ifndef DECISIONS_H
#define DECISIONS_H

#include "birdnet_events.h"
#include "birdnet_network.h"

#include <stdint.h>

/* Prepares the decisions for the classes of a network: after inference_init(). Species with a rule
 * of their own are found by their names; one that the network does not have is passed over. */
birdnet_status_t decisions_init(const birdnet_network_t *network);

/* Begins a recording; `recording` is printed with its events. */
void decisions_begin(uint32_t recording);

/* Takes the probabilities of the next window, and prints the events that have ended. */
birdnet_status_t decisions_push(const float *probabilities, uint64_t start_samples);

/* Ends a recording of so many samples. Prints the events that were not over yet, and for each class
 * how many windows reached its threshold and are in no event, by the reason. */
birdnet_status_t decisions_finish(uint64_t samples);

#endif
