// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Rooms, exits and things (scenery.h). Nobody owns them but the wizards. Errors: none; schema.c
// runs it.
#include "scenery.h"

const char scenery_sql[] =
    // Rooms: kind 0.
    "INSERT INTO object (id, kind, name, description) VALUES"
    " (1, 0, 'The Harbour', 'Nets dry on the quay and a bell buoy rings somewhere in the haze."
    " Boats come and go; the moorings here have never been known to slip. By the harbour office"
    " hangs a notice board for those who have just come ashore.'),"
    " (2, 0, 'Lamp Street', 'Narrow houses lean together over wet cobbles. Every window has a lamp"
    " in it, and not one of them has gone out since anybody can remember.'),"
    " (3, 0, 'The Anchor', 'A low room full of benches, smoke and talk. Whatever happens outside,"
    " conversations here are taken up in the middle of the sentence where they stopped.'),"
    " (4, 0, 'The Lighthouse', 'A spiral of worn steps ends under the great lens. From up here the"
    " whole town looks like something a careful hand has put down and never lost.'),"
    " (5, 0, 'The Back Garden', 'Beans, a rain barrel, a cat asleep on the wall. It is very "
    "quiet.'),"
    " (6, 0, 'The Chandlery', 'Coils of rope, tins of tar, drawers with small brass things in them"
    " that must each be good for something. The price of everything is a story.'),"
    " (7, 0, 'The End of the Pier', 'Planks, gulls, and then only water. People come here to say"
    " things that need room around them.');"
    // Exits: kind 2.
    "INSERT INTO object (kind, name, place, target) VALUES"
    " (2, 'north;n', 1, 2), (2, 'south;s', 2, 1), (2, 'inn;in', 2, 3), (2, 'out;o', 3, 2),"
    " (2, 'up;u;lighthouse', 1, 4), (2, 'down;d', 4, 1), (2, 'back;b;garden', 3, 5),"
    " (2, 'inside;in', 5, 3), (2, 'east;e;chandlery', 2, 6), (2, 'west;w', 6, 2),"
    " (2, 'pier', 1, 7), (2, 'shore;s', 7, 1);"
    // Things: kind 1. Flag 16: it cannot be carried away.
    "INSERT INTO object (kind, name, place, target, flags, description) VALUES"
    " (1, 'notice board;board;notice', 1, 1, 16, 'NEWCOMERS! Say something:  say hello."
    " Walk by an exit''s name:  north. Look at what you see:  look lantern. Find people:  WHO,"
    " and  page NAME=hello. Talk on the channel:  +public hello. All the rest:  help.'),"
    " (1, 'brass bell;bell', 1, 1, 16, 'On its rim is engraved: I RANG BEFORE THE STORM, AND"
    " AFTER IT, AND NOBODY COULD SAY WHEN I HAD STOPPED.'),"
    " (1, 'lantern', 2, 2, 0, 'A small storm lantern, lit. You may take it along.'),"
    " (1, 'slate;menu', 3, 3, 16, 'Chalked on it: Fish stew. Bread. Fish stew without fish.'),"
    " (1, 'mug', 3, 3, 0, 'Thick brown earthenware with somebody''s initials scratched out.'),"
    " (1, 'great lens;lens', 4, 4, 16, 'You see the town in it, upside down and very small, and"
    " yourself, right side up.'),"
    " (1, 'log book;log;book', 4, 4, 16, 'The last entry reads: Lamp went out at 3.14. Lamp was"
    " on at 3.14. Ships in sight: all of them.'),"
    " (1, 'cat', 5, 5, 16, 'Grey, asleep, and listening. One ear follows you.'),"
    " (1, 'coil of rope;rope;coil', 6, 6, 0, 'Twenty fathoms. It smells of tar, and both its ends"
    " are somewhere in the middle.'),"
    " (1, 'sextant', 6, 6, 0, 'It says where you are, if you already know.'),"
    " (1, 'gull', 7, 7, 16, 'It looks at you as if you had sandwiches.');";
