/* Writes the lines that a host program reads. Each line consists of words with single spaces
 * between them. Texts are JSON strings.
 *
 *     birdnet-firmware 2 "<title>" "<version>" "<model>"
 *                                                        first line; 2 is the version of the
 *                                                        protocol, <model> is a digest of the
 *                                                        generated C
 *     clock <hertz>                                      frequency of the clock that counts cycles
 *     head <version> <classes> <crc>                     the head, if it is a part of its own
 *     rule "<rule>"                                      how windows become events, for people
 *     recording <index> <samples> <windows> "<path>"     a recording begins
 *     window <recording> <window>                        this window is done
 *     event <recording> <label> <start> <end> <score> "<name>"
 *                                                        one event: start and end in samples
 *     left-out <recording> <label> <not allowed> <unconfirmed> <held off> <over limit> "<name>"
 *                                                        windows that reached the threshold and are
 *                                                        in no event, by the reason, for people
 *     detection <recording> <label> <probability> "<name>"
 *                                                        the maximum over a recording
 *     refused <recording> "<reason>" "<path>"            this recording was skipped
 *     error "<reason>"                                   the program ends early
 *     done <recordings> <refused>                        last line
 *
 * Lines that begin with another word are meant for people. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include "birdnet_events.h"
#include "birdnet_network.h"
#include "detections.h"

#include <stdint.h>

#define PROTOCOL_VERSION 2u

void protocol_begin(void);
void protocol_clock(uint32_t hertz);
#ifdef BIRDNET_SPLIT_HEAD
void protocol_head(const birdnet_head_t *head);
#endif
void protocol_recording(uint32_t recording, uint32_t samples, uint32_t windows, const char *path);
void protocol_window(uint32_t recording, uint32_t window);
void protocol_rule(void);
void protocol_event(uint32_t recording, const birdnet_event_t *event, const char *name);
void protocol_left_out(uint32_t recording, uint32_t label, const birdnet_events_tally_t *tally,
                       const char *name);
void protocol_detection(uint32_t recording, const detection_t *detection, const char *name);
void protocol_refused(uint32_t recording, const char *reason, const char *path);
void protocol_error(const char *reason);
void protocol_done(uint32_t recordings, uint32_t refused);

#endif
