// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The help (help.h): one short text a topic, in an order to read them in. Errors: a topic that is
// not there is told, with those that begin alike.
#include "help.h"

#include "command.h"
#include "commands.h"
#include "output.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct topic {
    const char *name;
    const char *text; // lines
};

static const struct topic topics[] = {
    {"help", "help TOPIC explains a command or one of these:\n"
             "  newcomers   the first five minutes\n"
             "  talking     say, pose, page, whisper, channels\n"
             "  building    rooms, exits, things of your own\n"
             "  staying     what happens when the game reboots or crashes\n"
             "  wizards     commands for wizards\n"
             "help topics lists all there is. Commands can be shortened; case does not matter."},
    {"newcomers", "look shows where you are; look NAME shows what you see there.\n"
                  "Walk by typing the name of an exit, for example north.\n"
                  "say hello speaks to everybody in the room; \"hello does so, too.\n"
                  "WHO lists who is connected, page NAME=hello speaks to one of them,\n"
                  "+public hello to all who listen on the channel Public.\n"
                  "@describe me=TEXT is what others see when they look at you.\n"
                  "QUIT leaves. Your character stays where it is, asleep."},
    {"talking", "say TEXT or \"TEXT, pose TEXT or :TEXT, ;TEXT, @emit TEXT: in the room.\n"
                "whisper NAME=TEXT: to one in the room.\n"
                "page NAME=TEXT: to one player, or several, wherever they are.\n"
                "+CHANNEL TEXT: on a channel. think TEXT: to yourself."},
    {"building", "@dig makes rooms, @open exits, @create things. @describe, @name, @link and\n"
                 "@set change what is yours; examine shows it with its number, #12.\n"
                 "Your first room: @dig My Room, then @link me=#NUMBER, then home. There\n"
                 "@open out=#1 makes a way back to where everybody begins, and\n"
                 "@dig NEXT ROOM=north;n,south;s goes on. @link me= makes that first place\n"
                 "your home again. At most 100 objects a player; a name has at most 63 bytes,\n"
                 "a description 4,000. In names ; stands between a long and a short one. Programs\n"
                 "like TinTin++ send what is behind a ; as another line: write \\; there."},
    {"staying", "When the game reboots or crashes you stay connected, and are where you were.\n"
                "What you type meanwhile is done afterwards, each line once. You see\n"
                "\"GAME: The game is back.\" after a crash, \"GAME: The reboot is over.\" else.\n"
                "Everything is stored as it happens, so there is no @dump."},
    {"wizards", "@wall, @boot, @sitelock, @shutdown, @channel/add, @channel/remove, @name of\n"
                "players, @set PLAYER=WIZARD. Wizards control every object."},
    {"say", "say TEXT, or \"TEXT: speak to everybody in the room."},
    {"pose", "pose TEXT, or :TEXT: do something. :waves shows \"NAME waves\".\n"
             "semipose TEXT, or ;TEXT: the same without a space. ;'s hat shows \"NAME's hat\"."},
    {"@emit", "@emit TEXT, or \\TEXT: everybody in the room sees TEXT, without your name."},
    {"think", "think TEXT: see TEXT yourself; nobody else does."},
    {"whisper", "whisper NAME=TEXT: only NAME, who is in the same room, hears it.\n"
                "whisper NAME=:TEXT is a pose."},
    {"page", "page NAME=TEXT: speak to a player, wherever. page NAME NAME=TEXT: to several.\n"
             "page TEXT: to those you have last paged; page =TEXT does so even if TEXT is\n"
             "somebody's name. page NAME=:TEXT is a pose."},
    {"channels", "+NAME TEXT, or =NAME TEXT: speak on a channel; the beginning of its name is\n"
                 "enough. +NAME :TEXT is a pose. @channel/list shows the channels,\n"
                 "@channel/join NAME, @channel/leave NAME, @channel/who NAME.\n"
                 "Wizards: @channel/add NAME, @channel/remove NAME; at most 32."},
    {"look", "look: see where you are. look NAME: at a thing, player or exit here, or in hand.\n"
             "look me: at yourself."},
    {"examine", "examine NAME: number, owner, flags and the rest of an object."},
    {"inventory", "inventory, or i: what you carry."},
    {"get", "get THING, or take THING: pick it up. Some things stay where they are."},
    {"drop", "drop THING: put down what you carry."},
    {"give", "give PLAYER=THING: hand over what you carry."},
    {"go", "go EXIT, or just EXIT: walk. look shows the exits."},
    {"home", "home: go home. @link me=#ROOM makes one of your rooms your home, @link me= the\n"
             "place where everybody begins."},
    {"who", "WHO: who is connected, how long, how long idle, over what line, from where."},
    {"doing", "DOING: who is connected, and what they say they are doing (@doing)."},
    {"@doing", "@doing TEXT: what DOING shows for you, at most 40 bytes."},
    {"quit", "QUIT: leave the game."},
    {"@password", "@password OLD=NEW: change your password. 5 to 128 bytes, no spaces."},
    {"@cert", "A certificate lets you in without a password. Tell your program to use one for\n"
              "this game (openssl s_client: -cert FILE -key FILE), connect over TLS, log in,\n"
              "and @cert/add. From then on, connect NAME is enough. @cert/list shows yours,\n"
              "@cert/remove NUMBER takes one away."},
    {"@terminal", "@terminal: what the game knows of your program. @terminal latin-1 or\n"
                  "@terminal utf-8: the characters that it shows, if it does not say so itself."},
    {"@uptime", "@uptime: how long the game has been up, and how often it has rebooted."},
    {"@stats", "@stats: how many objects there are, and how many are yours."},
    {"@describe", "@describe OBJECT=TEXT: what is seen when one looks at it. me and here are\n"
                  "objects, too."},
    {"@dig", "@dig ROOM: make a room. @dig ROOM=EXIT THERE,EXIT BACK: and exits from here to\n"
             "it and back, if this room is yours. Short names go behind ;: north;n\n"
             "(in TinTin++ and its like: north\\;n)"},
    {"@open", "@open EXIT=#ROOM: make an exit from here, if this room is yours, to a room of\n"
              "yours or one that is LINK_OK. Without =#ROOM it leads nowhere until @link."},
    {"@create", "@create THING: make a thing. You hold it."},
    {"@link", "@link EXIT=#ROOM: where it leads. @link me=#ROOM, @link THING=#ROOM: its home;\n"
              "with nothing behind the = the place where everybody begins."},
    {"@unlink", "@unlink EXIT: it leads nowhere."},
    {"@name", "@name OBJECT=NEW NAME. Only wizards change players' names."},
    {"@set", "@set OBJECT=FLAG, @set OBJECT=!FLAG. The flags:\n"
             "  DARK     is not seen by who looks around\n"
             "  FIXED    cannot be carried away\n"
             "  LINK_OK  everybody may lead exits to this room, or call it home\n"
             "  QUIET    on yourself: you are not told when others connect and disconnect\n"
             "  WIZARD   set by wizards only"},
    {"@destroy", "@destroy OBJECT: it is gone for good. For rooms: @destroy #NUMBER=yes."},
    {"@wall", "@wall TEXT: everybody who is connected sees it. For wizards."},
    {"@boot", "@boot PLAYER=REASON: end the player's connection. For wizards."},
    {"@sitelock", "@sitelock PATTERN: nobody can connect from there any more: an address,\n"
                  "192.0.2.0/24, 10.1.* or *.example.com. @sitelock/list, @sitelock/remove\n"
                  "PATTERN. For wizards."},
    {"@shutdown", "@shutdown: end the game. @shutdown/reboot: start it anew; everybody stays\n"
                  "connected. For wizards."},
};

#define N_TOPICS (sizeof topics / sizeof topics[0])

// Words that people try for a topic of another name.
static const char *const others[][2] = {
    {"certificate", "@cert"},  {"certificates", "@cert"}, {"cert", "@cert"},
    {"tls", "@cert"},          {"ssl", "@cert"},          {"build", "building"},
    {"builder", "building"},   {"talk", "talking"},       {"speak", "talking"},
    {"reboot", "staying"},     {"crash", "staying"},      {"wizard", "wizards"},
    {"channel", "channels"},   {"chat", "channels"},      {"newbie", "newcomers"},
    {"newcomer", "newcomers"}, {"commands", "help"},
};

const char *help_find(const char *topic)
{
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcasecmp(others[i][0], topic) == 0)
            topic = others[i][1];
    for (size_t i = 0; i < N_TOPICS; i++)
        if (strcasecmp(topics[i].name, topic) == 0)
            return topics[i].text;
    return NULL;
}

static void tell_text(struct link *link, const char *text)
{
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        link_tell(link, "%.*s", (int)n, text);
        text += n + (text[n] == '\n' ? 1 : 0);
    }
}

// With a beginning "": all.
static void tell_topics(struct link *link, const char *beginning)
{
    char line[1024];
    size_t n = 0;
    line[0] = '\0';
    for (size_t i = 0; i < N_TOPICS; i++) {
        const char *name = topics[i].name;
        if (strncasecmp(name + (beginning[0] != '@' && name[0] == '@' ? 1 : 0), beginning,
                        strlen(beginning)) == 0 &&
            n + strlen(name) + 3 < sizeof line)
            n += (size_t)snprintf(line + n, sizeof line - n, "%s%s", n > 0 ? ", " : "", name);
    }
    if (n > 0)
        link_tell(link, "Topics: %s", line);
    else
        link_tell(link, "No topic begins with \"%s\"; help topics lists all.", beginning);
}

void do_help(struct link *link, char *args)
{
    char *topic = text_trim(args);
    if (topic[0] == '\0') {
        tell_text(link, help_find("help"));
        return;
    }
    if (strcasecmp(topic, "topics") == 0) {
        tell_topics(link, "");
        return;
    }
    const char *text = help_find(topic);
    const struct command *command = !text ? command_find(link->self, topic) : NULL;
    if (!text && command)
        text = help_find(command->topic);
    if (text)
        tell_text(link, text);
    else
        tell_topics(link, topic);
}
