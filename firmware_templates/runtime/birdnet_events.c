#include "birdnet_events.h"

#include "birdnet_exponential.h"
#include "birdnet_float.h"

#include <stddef.h>

#define HOUR_S 3600u
#define MOST_RATE_HZ 1000000u
#define NO_HOUR UINT32_MAX

/* A class of the recording, and where its events go. */
typedef struct {
    const birdnet_events_t *events;
    birdnet_events_class_t *class;
    uint32_t label;
    birdnet_events_report_t report;
    void *context;
} step_t;

uint32_t birdnet_events_integer(float probability) {
    if (!(probability > 0.0f)) {
        return 0u;
    }
    /* The product is exact, and the conversion cuts off what is left behind the point. */
    return probability < 1.0f ? (uint32_t)(probability * (float)BIRDNET_EVENTS_ONE)
                              : BIRDNET_EVENTS_ONE;
}

float birdnet_events_probability(uint32_t score) {
    return (float)score / (float)BIRDNET_EVENTS_ONE;
}

static uint32_t bits_set(uint32_t bits) {
    uint32_t count = 0u;
    for (; bits != 0u; bits &= bits - 1u) {
        ++count;
    }
    return count;
}

static birdnet_status_t check_rule(const birdnet_events_memory_t *memory,
                                   const birdnet_event_rule_t *rule) {
    if (rule == NULL || rule->need == 0u || rule->need > rule->windows || rule->join == 0u ||
        rule->windows > BIRDNET_EVENTS_MOST_WINDOWS ||
        rule->judgement > BIRDNET_EVENTS_LOG_MEAN_EXP) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    return rule->windows <= memory->windows ? BIRDNET_OK : BIRDNET_ERROR_MEMORY;
}

birdnet_status_t birdnet_events_init(birdnet_events_t *events, birdnet_events_memory_t memory,
                                     uint32_t classes, const float *thresholds,
                                     const birdnet_event_rule_t *rule, uint32_t sample_rate_hz,
                                     uint32_t window_samples) {
    if (events == NULL || memory.classes == NULL || memory.recent == NULL ||
        memory.starts == NULL || thresholds == NULL || classes == 0u || window_samples == 0u ||
        sample_rate_hz == 0u || sample_rate_hz > MOST_RATE_HZ) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const birdnet_status_t status = check_rule(&memory, rule);
    if (status != BIRDNET_OK) {
        return status;
    }
    for (uint32_t label = 0; label < classes; ++label) {
        const float threshold = thresholds[label];
        if (!(threshold > 0.0f && threshold <= 1.0f)) {
            return BIRDNET_ERROR_ARGUMENT;
        }
        const uint32_t least = birdnet_events_integer(threshold);
        memory.classes[label].rule = rule;
        memory.classes[label].threshold = least > 0u ? least : 1u;
    }
    *events = (birdnet_events_t){.memory = memory,
                                 .classes = classes,
                                 .window_samples = window_samples,
                                 .hour_samples = HOUR_S * sample_rate_hz};
    return birdnet_events_begin(events);
}

birdnet_status_t birdnet_events_use_rule(birdnet_events_t *events, uint32_t label,
                                         const birdnet_event_rule_t *rule) {
    if (events == NULL || label >= events->classes) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const birdnet_status_t status = check_rule(&events->memory, rule);
    if (status == BIRDNET_OK) {
        events->memory.classes[label].rule = rule;
    }
    return status;
}

birdnet_status_t birdnet_events_begin(birdnet_events_t *events) {
    if (events == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    events->pushed = 0u;
    for (uint32_t label = 0; label < events->classes; ++label) {
        birdnet_events_class_t *class = &events->memory.classes[label];
        *class = (birdnet_events_class_t){
            .rule = class->rule, .threshold = class->threshold, .hour = NO_HOUR};
    }
    return BIRDNET_OK;
}

/* The probability that a class had in a window that is still kept. */
static uint32_t value_of(const step_t *step, uint32_t window) {
    const birdnet_events_t *events = step->events;
    const size_t row = window % events->memory.windows;
    return events->memory.recent[row * events->classes + step->label];
}

static void close_event(const step_t *step) {
    birdnet_events_class_t *class = step->class;
    class->is_open = false;
    if (class->rule->hold_off_samples > 0u) {
        class->free_from = class->event.end_samples + class->rule->hold_off_samples;
    }
    if (step->report != NULL) {
        step->report(step->context, &class->event);
    }
}

/* Begins an event with a window, unless it is held off or there are enough in this hour. */
static void begin_event(const step_t *step, uint32_t window, uint64_t start, uint32_t value) {
    birdnet_events_class_t *class = step->class;
    const uint32_t hour = (uint32_t)(start / step->events->hour_samples);
    if (hour != class->hour) {
        class->hour = hour;
        class->begun = 0u;
    }
    if (start < class->free_from) {
        ++class->tally.held_off;
        return;
    }
    if (class->rule->most_per_hour > 0u && class->begun >= class->rule->most_per_hour) {
        ++class->tally.over_limit;
        return;
    }
    ++class->begun;
    ++class->tally.in_events;
    class->is_open = true;
    class->last = window;
    class->event = (birdnet_event_t){.label = step->label,
                                     .score = value,
                                     .start_samples = start,
                                     .end_samples = start + step->events->window_samples};
}

/* Adds a window that counts to the open event, or begins another one with it. */
static void add_window(const step_t *step, uint32_t window) {
    birdnet_events_class_t *class = step->class;
    const uint64_t start = step->events->memory.starts[window % step->events->memory.windows];
    const uint64_t end = start + step->events->window_samples;
    const uint32_t value = value_of(step, window);
    if (class->is_open) {
        birdnet_event_t *event = &class->event;
        if (window - class->last <= class->rule->join &&
            end - event->start_samples <= class->rule->longest_samples) {
            event->end_samples = end;
            event->score = value > event->score ? value : event->score;
            class->last = window;
            ++class->tally.in_events;
            return;
        }
        close_event(step);
    }
    begin_event(step, window, start, value);
}

/* Lets the windows that reach count, the oldest first. */
static void count_windows(const step_t *step) {
    birdnet_events_class_t *class = step->class;
    const uint32_t fresh = class->reaches & ~class->counts;
    class->counts |= fresh;
    for (uint32_t age = class->rule->windows; age-- > 0u;) {
        if (((fresh >> age) & 1u) != 0u) {
            add_window(step, step->events->pushed - 1u - age);
        }
    }
}

/* Returns whether the average or the log-mean-exp of the newest windows reaches the threshold. */
static bool pooled_reaches(const step_t *step, uint32_t together) {
    const bool is_soft = step->class->rule->judgement == BIRDNET_EVENTS_LOG_MEAN_EXP;
    const uint32_t threshold = step->class->threshold;
    uint64_t sum = 0u;
    for (uint32_t age = 0; age < together; ++age) {
        const uint32_t value = value_of(step, step->events->pushed - 1u - age);
        sum += is_soft ? birdnet_exponential(value) : value;
    }
    const uint64_t needed = is_soft ? birdnet_exponential(threshold) : threshold;
    return sum >= needed * together;
}

/* Returns whether the newest windows say together that the class was heard. */
static bool says_yes(const step_t *step, bool at_end) {
    const birdnet_events_class_t *class = step->class;
    const birdnet_event_rule_t *rule = class->rule;
    const uint32_t pushed = step->events->pushed;
    const uint32_t together = pushed < rule->windows ? pushed : rule->windows;
    if ((class->reaches & ~class->counts) == 0u) {
        return false; /* nothing new could count */
    }
    if (rule->judgement == BIRDNET_EVENTS_CONFIRM) {
        const uint32_t need = at_end && together < rule->need ? together : rule->need;
        return bits_set(class->reaches) >= need;
    }
    return (together == rule->windows || at_end) && pooled_reaches(step, together);
}

/* Makes room for the newest window in the bits, and sets its bit if it reaches. */
static void shift(const step_t *step) {
    birdnet_events_class_t *class = step->class;
    const uint32_t oldest = 1u << (class->rule->windows - 1u);
    const uint32_t kept = oldest - 1u; /* the others, which stay */
    if ((class->reaches & ~class->counts & oldest) != 0u) {
        ++class->tally.unconfirmed;
    }
    class->reaches = (class->reaches & kept) << 1;
    class->counts = (class->counts & kept) << 1;
    if (value_of(step, step->events->pushed - 1u) >= class->threshold) {
        class->reaches |= 1u;
    }
}

static void push_class(const step_t *step) {
    const birdnet_events_class_t *class = step->class;
    shift(step);
    if (says_yes(step, false)) {
        count_windows(step);
    }
    const bool waits = (class->reaches & ~class->counts) != 0u;
    if (class->is_open && !waits && step->events->pushed - class->last > class->rule->join) {
        close_event(step);
    }
}

birdnet_status_t birdnet_events_push(birdnet_events_t *events, const float *probabilities,
                                     uint64_t start_samples, const uint8_t *allowed,
                                     birdnet_events_report_t report, void *context) {
    if (events == NULL || probabilities == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const uint32_t slot = events->pushed % events->memory.windows;
    uint32_t *row = &events->memory.recent[(size_t)slot * events->classes];
    events->memory.starts[slot] = start_samples;
    ++events->pushed;
    for (uint32_t label = 0; label < events->classes; ++label) {
        const step_t step = {.events = events,
                             .class = &events->memory.classes[label],
                             .label = label,
                             .report = report,
                             .context = context};
        const uint32_t value = birdnet_events_integer(probabilities[label]);
        const bool may = allowed == NULL || allowed[label] != 0u;
        row[label] = may ? value : 0u;
        if (value >= step.class->threshold) {
            ++step.class->tally.reached;
            step.class->tally.not_allowed += may ? 0u : 1u;
        }
        push_class(&step);
    }
    return BIRDNET_OK;
}

birdnet_status_t birdnet_events_finish(birdnet_events_t *events, uint64_t samples,
                                       birdnet_events_report_t report, void *context) {
    if (events == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    for (uint32_t label = 0; label < events->classes; ++label) {
        birdnet_events_class_t *class = &events->memory.classes[label];
        const step_t step = {
            .events = events, .class = class, .label = label, .report = report, .context = context};
        if (events->pushed < class->rule->windows && says_yes(&step, true)) {
            count_windows(&step);
        }
        class->tally.unconfirmed += bits_set(class->reaches & ~class->counts);
        class->reaches = 0u;
        class->counts = 0u;
        if (class->is_open) {
            if (class->event.end_samples > samples) {
                class->event.end_samples = samples;
            }
            close_event(&step);
        }
    }
    return BIRDNET_OK;
}
