#include "protocol.h"

#include "app_config.h"
#include "birdnet_network.h"
#include "console.h"

#define PROBABILITY_DECIMALS 6u

static void number(uint32_t value) {
    console_text(" ");
    console_unsigned(value);
}

static void quoted(const char *text) {
    console_text(" ");
    console_quoted(text);
}

static void end_line(void) {
    console_text("\n");
}

void protocol_begin(void) {
    console_text("birdnet-firmware");
    number(PROTOCOL_VERSION);
    quoted(APP_TITLE);
    quoted(APP_VERSION);
    quoted(APP_MODEL);
    end_line();
}

void protocol_clock(uint32_t hertz) {
    console_text("clock");
    number(hertz);
    end_line();
}

void protocol_recording(uint32_t recording, uint32_t samples, uint32_t windows, const char *path) {
    console_text("recording");
    number(recording);
    number(samples);
    number(windows);
    quoted(path);
    end_line();
}

void protocol_window(uint32_t recording, uint32_t window) {
    console_text("window");
    number(recording);
    number(window);
    end_line();
}

#ifdef BIRDNET_SPLIT_HEAD
void protocol_head(const birdnet_head_t *head) {
    console_text("head");
    number(head->version);
    number(head->classes);
    console_text(" ");
    console_hex(head->crc32);
    end_line();
}
#endif

void protocol_rule(void) {
    console_text("rule");
    quoted(APP_RULE);
    end_line();
}

void protocol_event(uint32_t recording, const birdnet_event_t *event, const char *name) {
    console_text("event");
    number(recording);
    number(event->label);
    console_text(" ");
    console_unsigned64(event->start_samples);
    console_text(" ");
    console_unsigned64(event->end_samples);
    console_text(" ");
    console_fraction24(event->score);
    quoted(name);
    end_line();
}

void protocol_left_out(uint32_t recording, uint32_t label, const birdnet_events_tally_t *tally,
                       const char *name) {
    console_text("left-out");
    number(recording);
    number(label);
    number(tally->not_allowed);
    number(tally->unconfirmed);
    number(tally->held_off);
    number(tally->over_limit);
    quoted(name);
    end_line();
}

void protocol_detection(uint32_t recording, const detection_t *detection, const char *name) {
    console_text("detection");
    number(recording);
    number(detection->label);
    console_text(" ");
    console_fixed(detection->probability, PROBABILITY_DECIMALS);
    quoted(name);
    end_line();
}

void protocol_refused(uint32_t recording, const char *reason, const char *path) {
    console_text("refused");
    number(recording);
    quoted(reason);
    quoted(path);
    end_line();
}

void protocol_error(const char *reason) {
    console_text("error");
    quoted(reason);
    end_line();
}

void protocol_done(uint32_t recordings, uint32_t refused) {
    console_text("done");
    number(recordings);
    number(refused);
    end_line();
}
