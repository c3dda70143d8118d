"""Connections between the maps of the game, and the gates of the story between them.

Connections, warps and gates are facts of the game from its public disassembly (pret/pokered: map ids in
constants/map_constants.asm, connections and warps in data/maps), in a table of our own. A map that an
obstacle divides, such as a cave or a sleeper on the road, has parts: ``15.w`` is the western part of map 15.
Connections lead both ways, although ledges can only be jumped downwards. The embedded cartridge's world is a
smaller one of the same structure; tests compare it with this table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

START = "40"
"""The part where the journey begins: the laboratory, with the first creature."""

# Gate, the part where it opens, and the gates that must be open before.
_GATES = """
starter   40                    # nobody leaves town without it
errand    42                    # the parcel; an old man blocks the road north of the second town until then
badge1    54
ticket    88                    # for the ship
robbed    88                    # the guard leaves the door of the robbed house, the way south
badge2    65
cut       101   badge2
badge3    92
badge4    134
drink     126                   # for the guards around the capital
liftkey   202.w
scope     202.e                 # shows the tower's ghost
flute     148                   # wakes the sleepers; the company's doorman leaves with the same event
card      210                   # opens the company's doors
company   235.e                 # its boss beaten: the sixth gym can be entered
badge5    157
surf      222   badge5
teeth     219
strength  155   teeth badge4
secretkey 216
badge6    178
badge7    166
seven     1.gym badge1 badge2 badge3 badge4 badge5 badge6 badge7     # the eighth gym's door
badge8    45
voucher   90
bicycle   66    voucher
champion  118
"""

EMBEDDED_LACKS = frozenset({"robbed", "company"})
"""Gates that the embedded cartridge does not have; what they close is open there."""

# Part, part, and the gates that must be open. The dark cave (82, 232) can be crossed without light.
_CONNECTIONS = """
38 37
37 0
0 39
0 40
0 12 starter
0 32 surf
12 1
1 33
1 1.gym
1.gym 45 seven
1 13.s errand
33 193
193 34.s badge1
34.s 34.n badge2 badge3 badge4 badge5 badge6 badge7 badge8 surf
34.n 108
108 194.w strength
194.w 198
198 194.e
194.e 34.e
34.e 9
9 174
174 245
245 246
246 247
247 113
113 120
120 118
13.s 50
50 51
51 47
47 13.n
13.n 2
13.n 13.d cut
13.d 46
13.d 13.e cut
13.e 13.s cut
52 53
2 14 badge1
14 15.w
15.w 59
59 60.w
60.w 61
61 60.e
60.e 15.e
15.e 3
3 35
35 36
36 88
3 62 robbed
62 3.s
3 3.s cut
3.s 16
3.s 20.w
35 3.c surf
3.c 228 champion
228 226
226 227
16 71
71 119
119 74
74 17
16 70
70 10 drink
17 73
73 10 drink
17 5
5 94 ticket
94 95
95 96
96 97
97 99
96 101
96 103
95 98
98 104
5 92 cut
5 22
22 85
85 197
197 46
22 84
84 86
84 22.e
22.e 23.w
23.w 23.s flute
20.w 20.e cut
20.e 21.n
21.n 82.n
82.n 232
232 82.s
82.s 21.s
21.n 21.w surf
21.w 83
21.s 4
4 19
19 80
80 121
121 77
77 18
19 79
79 10 drink
18 76
76 10 drink
18 6
4 23.n
23.n 87
87 195
23.n 23.s flute
142 143
143 144
144 145
145 146
146 147
147 148 scope
6 134 cut
122 123
123 124
124 125
125 136
136 126
122 127
128 129
129 130
130 131
131 132
135 199
199 200
200 201
201 202.w
199 203 liftkey
203 202.e
6 27.e
27.e 27.n cut
27.n 188
27.e 27.w flute
27.w 186
186 187
186 28 bicycle
28 190 bicycle
190 191
190 29
29 7
10 181 flute
10 178 company
175 176
181 207
207 208
208 209
209 210
210 211
211 212
212 213
213 233
233 234
234 235.w
181 236
236 235.w
212 235.e card
23.s 24
24 25
25 26
26 184
184 185
184 26.w
26.w 7
156 220
220 217
217 218
218 219
219 222
7 30
30 31.e surf
31.e 192
192 159
159 160
160 161
161 162
192 31.w strength
31.w 8
32 8
165 214
214 215
215 216
8 166 secretkey
"""

# Map, and the houses on it that are always open.
_HOUSES = """
1 41 42 43 44
13.e 48 49
2 52 54 55 56 57 58
15.w 68
3 63 64 65 66 67 230
16 72
5 89 90 91 93 163 196
95 100 102
21.n 81
4 141 142 149 150 151 229
6 122 128 133 135 137 138 139 140
10 175 177 179 180 182 183
23.s 189
7 152 153 154 155 156 157 158 164
220 221
217 224
218 225
219 223
8 165 167 171 172
167 168 169 170
"""


@dataclass(frozen=True, slots=True)
class Gate:
    """An obstacle of the story. It opens at the part ``where`` once the gates ``needs`` are open."""

    name: str
    where: str
    needs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Connection:
    """A two-way connection of two parts of the world, passable once all ``gates`` are open."""

    one: str
    other: str
    gates: frozenset[str]


def _lines(table: str) -> Iterator[list[str]]:
    for line in table.splitlines():
        words = line.partition("#")[0].split()
        if words:
            yield words


def map_of(part: str) -> int:
    """Return the map id of a part, such as 15 for ``15.w``."""
    return int(part.partition(".")[0])


GATES = tuple(Gate(name, where, frozenset(needs)) for name, where, *needs in _lines(_GATES))
CONNECTIONS = (
    *(Connection(one, other, frozenset(gates)) for one, other, *gates in _lines(_CONNECTIONS)),
    *(Connection(town, house, frozenset()) for town, *houses in _lines(_HOUSES) for house in houses),
)
