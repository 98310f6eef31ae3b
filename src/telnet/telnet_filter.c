// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Telnet commands, byte by byte: what is held back, let through, dropped.
//
//   TEXT -- IAC --> IAC -- IAC, NOP, GA ... --> TEXT                                begin_command
//                   IAC -- WILL, WONT, DO, DONT --> VERB -- option --> TEXT         take_option
//                   IAC -- SB --> SUB_IAC_SB -- option --> SUB or MUTE_SUB          begin_sub
//   SUB -- IAC --> SUB_IAC -- SE --> TEXT                                           take_sub_iac
//                  SUB_IAC -- IAC, no command --> SUB; another command: as after IAC
//   MUTE_SUB, MUTE_SUB_IAC the same.
//   SUB, SUB_IAC -- the game that it was meant for is dead --> MUTE_SUB, MUTE_SUB_IAC  begin_drop
//
// At each byte: bytes written so far <= bytes read + held before - held now. So nothing that is
// still to be read is written over.
//
// Errors: none.
#include "telnet/telnet_part.h"

#include <string.h>

struct filter {
    struct telnet_state *state;
    const struct telnet_rules *rules;
    uint8_t *out;
};

static void put(struct filter *filter, uint8_t byte)
{
    *filter->out++ = byte;
}

// A command's bytes.
static void pass(struct filter *filter, uint8_t byte)
{
    if (filter->rules->keep != TELNET_DROP_ALL)
        put(filter, byte);
}

static void set_command(struct filter *filter, enum telnet_command command, uint8_t verb)
{
    filter->state->command = (uint8_t)command;
    filter->state->verb = verb;
}

static void close_sub(struct telnet_state *state)
{
    state->flags = (uint8_t)(state->flags & ~TELNET_SUB_OPEN);
}

// A command is not given out. If it ended a subnegotiation, the subnegotiation ends all the same.
static void leave_out(struct filter *filter)
{
    if (filter->state->flags & TELNET_SUB_OPEN) {
        pass(filter, IAC);
        pass(filter, VERB_SE);
    }
    close_sub(filter->state);
}

// If the line that was to be dropped has ended, no more is dropped.
static void end_drop(struct telnet_state *state)
{
    if (!(state->flags & (TELNET_IN_LINE | TELNET_AFTER_CR)))
        state->flags = (uint8_t)(state->flags & ~TELNET_DROPPING);
}

static void take_text(struct filter *filter, uint8_t byte)
{
    struct telnet_state *state = filter->state;
    if (byte != '\n' && byte != '\0') { // it does not belong to a CR that was dropped
        state->flags = (uint8_t)(state->flags & ~TELNET_AFTER_CR);
        end_drop(state);
    }
    bool is_dropped = filter->rules->keep == TELNET_DROP_ALL || telnet_is_dropping(state);
    telnet_text_follow(state, filter->rules->is_player, byte);
    end_drop(state);
    if (is_dropped)
        return;
    if (byte == IAC)
        put(filter, IAC);
    put(filter, byte);
}

// Did this command end a NEW-ENVIRON that must have one end only (telnet_environ.c)?
static bool is_cut(const struct telnet_state *state)
{
    return state->environ == ENVIRON_CUT;
}

static void leave_out_cut(struct filter *filter)
{
    filter->state->environ = 0;
    leave_out(filter);
}

static void begin_command(struct filter *filter, uint8_t byte)
{
    if (byte == IAC) {
        set_command(filter, TELNET_TEXT, 0);
        take_text(filter, IAC);
    } else if (byte == VERB_SB) {
        set_command(filter, TELNET_SUB_IAC_SB, 0);
    } else if (byte >= VERB_WILL) {
        set_command(filter, TELNET_VERB, byte);
    } else if (is_cut(filter->state)) {
        set_command(filter, TELNET_TEXT, 0);
        leave_out_cut(filter);
    } else {
        set_command(filter, TELNET_TEXT, 0);
        close_sub(filter->state);
        pass(filter, IAC);
        pass(filter, byte);
    }
}

static void assign(uint64_t *bits, uint64_t bit, bool is_set)
{
    *bits = is_set ? *bits | bit : *bits & ~bit;
}

// Is this command an answer that the player still owed to a dead game? Then it is owed no more.
static bool is_late_answer(uint64_t asked, uint64_t *answered, uint64_t bit)
{
    bool is_late = ((asked ^ *answered) & bit) != 0;
    if (is_late)
        *answered ^= bit;
    return is_late;
}

static bool is_to_be_swallowed(struct filter *filter, uint8_t verb, uint64_t bit)
{
    struct telnet_state *state = filter->state;
    const struct telnet_state *other = filter->rules->other;
    if (!filter->rules->is_player)
        return false;
    if (verb == VERB_DONT)
        return is_late_answer(other->will_turn, &state->will_turn, bit);
    return verb == VERB_WONT && is_late_answer(other->does_turn, &state->does_turn, bit);
}

// The player asks for MCCP, or takes that back.
static void note_refusal(struct filter *filter, uint8_t verb, uint8_t option)
{
    uint8_t *refused = &filter->state->refused;
    if (!filter->rules->is_player || !telnet_is_mccp(option))
        return;
    bool is_does = verb == VERB_DO || verb == VERB_DONT;
    unsigned bit = 1u << (option - OPTION_MCCP1 + (is_does ? 4 : 0));
    *refused = (uint8_t)(verb == VERB_WILL || verb == VERB_DO ? *refused | bit : *refused & ~bit);
}

static void take_option(struct filter *filter, uint8_t option)
{
    const struct telnet_rules *rules = filter->rules;
    uint8_t verb = filter->state->verb;
    uint64_t bit = telnet_option_bit(option);
    set_command(filter, TELNET_TEXT, 0);
    if (is_cut(filter->state) || telnet_is_hidden(rules, option)) {
        note_refusal(filter, verb, option);
        leave_out_cut(filter);
        return;
    }
    if (verb == VERB_WILL || verb == VERB_WONT)
        assign(&filter->state->will, bit, verb == VERB_WILL);
    else
        assign(&filter->state->does, bit, verb == VERB_DO);
    if (is_to_be_swallowed(filter, verb, bit) ||
        (rules->is_player && rules->is_mnes &&
         telnet_environ_is_ours(rules->other, verb, option))) {
        leave_out(filter);
        return;
    }
    close_sub(filter->state);
    pass(filter, IAC);
    pass(filter, verb);
    pass(filter, option);
}

static void begin_sub(struct filter *filter, uint8_t option)
{
    if (filter->rules->keep == TELNET_DROP_ALL) {
        close_sub(filter->state);
        // Muted, so that its end does not come through when the rules change in its middle.
        set_command(filter, option == IAC ? TELNET_MUTE_SUB_IAC : TELNET_MUTE_SUB,
                    option == IAC ? OPTION_UNKNOWN : option);
    } else if (is_cut(filter->state) || telnet_is_hidden(filter->rules, option)) {
        leave_out_cut(filter);
        set_command(filter, option == IAC ? TELNET_MUTE_SUB_IAC : TELNET_MUTE_SUB,
                    option == IAC ? OPTION_UNKNOWN : option);
    } else {
        close_sub(filter->state);
        put(filter, IAC);
        put(filter, VERB_SB);
        if (option == IAC) { // either option 255, doubled, or a subnegotiation of nothing
            set_command(filter, TELNET_SUB_IAC, OPTION_UNKNOWN);
        } else {
            put(filter, option);
            set_command(filter, TELNET_SUB, option);
            if (option == OPTION_NEW_ENVIRON)
                telnet_environ_begin(filter->state, filter->rules->is_player);
            else if (option == OPTION_MCCPX) // either side may begin it
                filter->state->environ = ENVIRON_FIRST;
        }
    }
}

static bool is_mute(const struct telnet_state *state)
{
    return state->command == TELNET_MUTE_SUB || state->command == TELNET_MUTE_SUB_IAC;
}

// Is what follows this subnegotiation compressed?
static bool begins_compression(const struct filter *filter)
{
    const struct telnet_state *state = filter->state;
    if (!filter->rules->may_compress || !telnet_is_mccp(state->verb))
        return false;
    if (state->verb == OPTION_MCCPX)
        return state->environ == ENVIRON_BEGIN;
    return filter->rules->is_player == (state->verb == OPTION_MCCP3);
}

static void end_sub(struct filter *filter)
{
    struct telnet_state *state = filter->state;
    bool begins = begins_compression(filter);
    set_command(filter, TELNET_TEXT, 0);
    telnet_environ_end(state);
    if (!begins)
        return;
    state->ansi = TELNET_ANSI_NONE;
    state->terminal = state->listed = 0;
    state->parameter = 0;
    state->detail = 0;
    state->utf8_left = 0;
    state->utf8_next = 0;
    state->flags = TELNET_COMPRESSED;
}

static void take_sub(struct filter *filter, uint8_t byte)
{
    struct telnet_state *state = filter->state;
    bool is_muted = is_mute(state);
    if (byte == IAC) {
        state->command = is_muted ? TELNET_MUTE_SUB_IAC : TELNET_SUB_IAC;
        return;
    }
    if (!is_muted)
        put(filter, telnet_environ_pass(state, filter->rules, byte));
    // MCCP1 ends its only subnegotiation with WILL SE, without IAC.
    if (byte == VERB_SE && state->verb == OPTION_MCCP1 && !filter->rules->is_player)
        end_sub(filter);
}

static void take_sub_iac(struct filter *filter, uint8_t byte)
{
    struct telnet_state *state = filter->state;
    bool is_muted = is_mute(state);
    bool is_command = byte >= VERB_EOF && byte != VERB_SE && byte != IAC;
    // MCCP's does not end so: an IAC SE for it, now or in a dead game's place, would begin
    // compression.
    if (is_command && (is_muted || !telnet_is_mccp(state->verb))) {
        if (!is_muted)
            state->flags |= TELNET_SUB_OPEN;
        state->environ =
            !is_muted && telnet_environ_is_guarded(state, filter->rules) ? ENVIRON_CUT : 0;
        begin_command(filter, byte);
        return;
    }
    if (!is_muted &&
        (!telnet_environ_is_guarded(state, filter->rules) || byte == IAC || byte == VERB_SE)) {
        put(filter, IAC);
        put(filter, byte);
    }
    state->command = is_muted ? TELNET_MUTE_SUB : TELNET_SUB;
    if (byte == VERB_SE)
        end_sub(filter);
}

static void take(struct filter *filter, uint8_t byte)
{
    switch ((enum telnet_command)filter->state->command) {
    case TELNET_TEXT:
        if (byte == IAC)
            set_command(filter, TELNET_IAC, 0);
        else
            take_text(filter, byte);
        break;
    case TELNET_IAC:
        begin_command(filter, byte);
        break;
    case TELNET_VERB:
        take_option(filter, byte);
        break;
    case TELNET_SUB_IAC_SB:
        begin_sub(filter, byte);
        break;
    case TELNET_SUB:
    case TELNET_MUTE_SUB:
        take_sub(filter, byte);
        break;
    case TELNET_SUB_IAC:
    case TELNET_MUTE_SUB_IAC:
        take_sub_iac(filter, byte);
        break;
    case TELNET_N_COMMANDS:
        break;
    }
}

// What was begun before this call, for another game, goes no further.
static void begin_drop(struct telnet_state *state, enum telnet_keep keep)
{
    if (keep != TELNET_DROP_LINE)
        state->flags = (uint8_t)(state->flags & ~TELNET_DROPPING);
    if (keep == TELNET_KEEP || telnet_is_dropping(state))
        return;
    state->environ = 0;
    if (state->command == TELNET_SUB)
        state->command = TELNET_MUTE_SUB;
    else if (state->command == TELNET_SUB_IAC)
        state->command = TELNET_MUTE_SUB_IAC;
    close_sub(state);
    if (keep == TELNET_DROP_LINE && (state->flags & (TELNET_IN_LINE | TELNET_AFTER_CR)))
        state->flags |= TELNET_DROPPING;
}

size_t telnet_n_held(const struct telnet_state *state)
{
    switch (state->command) {
    case TELNET_VERB:
    case TELNET_SUB_IAC_SB:
        return 2;
    case TELNET_IAC:
    case TELNET_SUB_IAC:
    case TELNET_MUTE_SUB_IAC:
        return 1;
    default:
        return 0;
    }
}

bool telnet_pass(struct telnet_state *state, const struct telnet_rules *rules, const uint8_t *in,
                 size_t n)
{
    if (rules->keep != TELNET_KEEP)
        return false;
    if (n == 0 || (state->flags & TELNET_COMPRESSED)) {
        begin_drop(state, rules->keep);
        return true;
    }
    if (state->command != TELNET_TEXT || memchr(in, IAC, n) != NULL)
        return false;
    begin_drop(state, rules->keep);
    telnet_text_follow_all(state, rules->is_player, in, n);
    return true;
}

size_t telnet_filter(struct telnet_state *state, const struct telnet_rules *rules,
                     const uint8_t *in, size_t n, uint8_t *out)
{
    struct filter filter = {.state = state, .rules = rules, .out = out};
    if (!(state->flags & TELNET_COMPRESSED))
        begin_drop(state, rules->keep);
    size_t at = 0;
    while (at < n && !(state->flags & TELNET_COMPRESSED))
        take(&filter, in[at++]);
    if (at < n && rules->keep != TELNET_DROP_ALL) {
        memmove(filter.out, in + at, n - at);
        filter.out += n - at;
    }
    return (size_t)(filter.out - out);
}
