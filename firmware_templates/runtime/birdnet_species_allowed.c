#include "birdnet_species_list.h"

const char *birdnet_species_expected(birdnet_species_mistake_t mistake) {
    static const char *const expected[] = {
        "",
        "at most 255 bytes in a line",
        "text in UTF-8, without control characters",
        "a quotation mark only around a whole field, and \"\" for one inside it",
        "fields separated by commas",
        "as many fields as the header has; without a header, only a name",
        "the columns species, threshold, need, weeks and time, in any order",
        "each column once",
        "the name of a species",
        "a name that means one class only: its label, or its scientific name",
        "each species on one line",
        "a probability between 0 and 1 with up to six digits after the point, such as 0.45",
        "a number of windows, 1 to 32",
        "weeks from 1 to 48 or ranges of them, such as 14-26 40; 44-8 is winter",
        "day, night or any",
        "at least one species that the model knows",
    };
    const unsigned int number = (unsigned int)mistake;
    return number < sizeof expected / sizeof expected[0] ? expected[number] : "";
}

uint32_t birdnet_week(uint32_t month, uint32_t day) {
    if (month < 1u || month > 12u || day < 1u || day > 31u) {
        return 0;
    }
    const uint32_t week = (day - 1u) / 7u;
    return 4u * (month - 1u) + (week < 3u ? week : 3u) + 1u;
}

birdnet_status_t birdnet_species_allowed(const birdnet_listed_species_t *species, uint32_t classes,
                                         uint32_t week, birdnet_light_t light, uint8_t *allowed) {
    if (species == NULL || allowed == NULL || week > BIRDNET_WEEKS) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    for (uint32_t index = 0; index < classes; index++) {
        const birdnet_listed_species_t *const one = &species[index];
        const bool in_week = week == 0u || (one->weeks >> (week - 1u) & 1u) != 0u;
        const bool at_time = !(one->time == BIRDNET_TIME_DAY && light == BIRDNET_LIGHT_NIGHT) &&
                             !(one->time == BIRDNET_TIME_NIGHT && light == BIRDNET_LIGHT_DAY);
        allowed[index] = one->line != 0u && in_week && at_time ? 1u : 0u;
    }
    return BIRDNET_OK;
}
