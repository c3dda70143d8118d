"""Maps of the game: id, size, a name of our own, and the order of progress.

Ids and sizes are those of the game (public disassembly, pret/pokered, constants/map_constants.asm). The
embedded cartridge uses the same ids, with maps of at most these sizes. The game does not use ids that are
missing from the table.
"""

from __future__ import annotations

from envs.game.progress import progress_order

BLOCK = 2  # width and height of a block in steps

_TABLE = """
# id  width height (blocks of 2 x 2 steps)  name
0 10 9 home town
1 20 18 second town
2 20 18 third town
3 20 18 fourth town
4 10 9 tower town
5 20 18 harbour town
6 25 18 market town
7 20 18 park town
8 10 9 island town
9 10 9 plateau
10 20 18 capital
12 10 18 route 1
13 10 36 route 2
14 35 9 route 3
15 45 9 route 4
16 10 18 route 5
17 10 18 route 6
18 10 9 route 7
19 30 9 route 8
20 30 9 route 9
21 10 36 route 10
22 30 9 route 11
23 10 54 route 12
24 30 9 route 13
25 10 27 route 14
26 30 9 route 15
27 20 9 route 16
28 10 72 route 17
29 25 9 route 18
30 10 27 route 19
31 50 9 route 20
32 10 45 route 21
33 20 9 route 22
34 10 72 route 23
35 10 18 route 24
36 30 9 route 25
37 4 4 house
38 4 4 bedroom
39 4 4 neighbour's house
40 5 6 laboratory
41 7 4 second town, healing centre
42 4 4 second town, shop
43 4 4 second town, school
44 4 4 second town, house
45 10 9 gym 8
46 4 4 long tunnel, western hut
47 5 4 forest, north gate
48 4 4 route 2, trader's house
49 5 4 route 2, gate
50 5 4 forest, south gate
51 17 24 forest
52 10 4 museum
53 7 4 museum, upper floor
54 5 7 gym 1
55 4 4 third town, first house
56 4 4 third town, shop
57 4 4 third town, second house
58 7 4 third town, healing centre
59 20 18 first cave
60 14 14 first cave, lower floor
61 20 18 first cave, lowest floor
62 4 4 fourth town, robbed house
63 4 4 fourth town, trader's house
64 7 4 fourth town, healing centre
65 5 7 gym 2
66 4 4 bicycle shop
67 4 4 fourth town, shop
68 7 4 route 4, healing centre
69 4 4 fourth town, robbed house (spare)
70 4 3 route 5, gate
71 4 4 route 5, way down
72 4 4 route 5, minder's house
73 4 3 route 6, gate
74 4 4 route 6, way down
75 4 4 route 6, way down (spare)
76 3 4 route 7, gate
77 4 4 route 7, way down
78 4 4 route 7, way down (spare)
79 3 4 route 8, gate
80 4 4 route 8, way down
81 7 4 route 10, healing centre
82 20 18 dark cave
83 20 18 power station
84 4 5 route 11, gate
85 4 4 long tunnel, eastern hut
86 4 4 route 11, gate upstairs
87 5 4 route 12, gate
88 4 4 inventor's house
89 7 4 harbour town, healing centre
90 4 4 harbour town, club house
91 4 4 harbour town, shop
92 5 9 gym 3
93 4 4 harbour town, house
94 14 6 harbour
95 20 9 ship
96 20 9 ship, second deck
97 10 3 ship, third deck
98 15 4 ship, below deck
99 10 7 ship, bow
100 7 8 ship, kitchen
101 3 4 ship, captain's cabin
102 12 8 ship, cabins
103 12 8 ship, second deck cabins
104 12 8 ship, cabins below deck
108 10 9 last cave
113 13 13 last four, fourth
118 5 4 hall of fame
119 4 24 passage north to south
120 4 4 champion's room
121 25 4 passage west to east
122 10 4 market, first floor
123 10 4 market, second floor
124 10 4 market, third floor
125 10 4 market, fourth floor
126 10 4 market, roof
127 2 2 market, lift
128 4 6 market town, tall house
129 4 6 market town, tall house, second floor
130 4 6 market town, tall house, third floor
131 4 6 market town, tall house, roof
132 4 4 market town, tall house, hut on the roof
133 7 4 market town, healing centre
134 5 9 gym 4
135 10 9 gambling hall
136 10 4 market, fifth floor
137 5 4 gambling hall, prizes
138 5 4 market town, diner
139 4 4 market town, chief's house
140 7 4 market town, hotel
141 7 4 tower town, healing centre
142 10 9 tower, first floor
143 10 9 tower, second floor
144 10 9 tower, third floor
145 10 9 tower, fourth floor
146 10 9 tower, fifth floor
147 10 9 tower, sixth floor
148 10 9 tower, seventh floor
149 4 4 tower town, old man's house
150 4 4 tower town, shop
151 4 4 tower town, orphan's house
152 4 4 park town, shop
153 4 4 park town, grandfather's house
154 7 4 park town, healing centre
155 5 4 park town, warden's house
156 4 3 park, entrance
157 5 9 gym 5
158 7 4 park town, meeting room
159 15 9 ice cave, first level down
160 15 9 ice cave, second level down
161 15 9 ice cave, third level down
162 15 9 ice cave, fourth level down
163 4 4 harbour town, angler's house
164 4 4 park town, angler's house
165 15 14 burnt house
166 10 9 gym 7
167 9 4 island laboratory
168 4 4 island laboratory, trading room
169 4 4 island laboratory, teaching room
170 4 4 island laboratory, fossil room
171 7 4 island town, healing centre
172 4 4 island town, shop
173 4 4 island town, shop (spare)
174 8 6 plateau, lobby
175 4 4 capital, mimic's house
176 4 4 capital, mimic's house upstairs
177 5 6 fighting hall
178 10 9 gym 6
179 4 4 capital, house
180 4 4 capital, shop
181 15 9 company, floor 1
182 7 4 capital, healing centre
183 4 4 capital, mind reader's house
184 4 5 route 15, gate
185 4 4 route 15, gate upstairs
186 4 7 route 16, gate
187 4 4 route 16, gate upstairs
188 4 4 route 16, house
189 4 4 route 12, angler's house
190 4 5 route 18, gate
191 4 4 route 18, gate upstairs
192 15 9 ice cave
193 5 4 route 22, gate
194 15 9 last cave, second floor
195 4 4 route 12, gate upstairs
196 4 4 harbour town, trader's house
197 20 18 long tunnel
198 15 9 last cave, third floor
199 15 14 hideout, first level down
200 15 14 hideout, second level down
201 15 14 hideout, third level down
202 15 12 hideout, fourth level down
203 3 4 hideout, lift
207 15 9 company, floor 2
208 15 9 company, floor 3
209 15 9 company, floor 4
210 15 9 company, floor 5
211 13 9 company, floor 6
212 13 9 company, floor 7
213 13 9 company, floor 8
214 15 14 burnt house, second floor
215 15 9 burnt house, third floor
216 15 14 burnt house, cellar
217 15 13 park, east
218 20 18 park, north
219 15 13 park, west
220 15 13 park, centre
221 4 4 park, rest house in the centre
222 4 4 park, hidden house
223 4 4 park, rest house in the west
224 4 4 park, rest house in the east
225 4 4 park, rest house in the north
226 15 9 deep cave, second floor
227 15 9 deep cave, lower floor
228 15 9 deep cave
229 4 4 tower town, namer's house
230 4 4 fourth town, badge lover's house
232 20 18 dark cave, lower floor
233 13 9 company, floor 9
234 8 9 company, floor 10
235 9 9 company, floor 11
236 2 2 company, lift
239 5 4 cable room, trading
240 5 4 cable room, battles
245 5 6 last four, first
246 5 6 last four, second
247 5 6 last four, third
"""


def _rows() -> list[tuple[int, int, int, str]]:
    lines = [line.split(maxsplit=3) for line in _TABLE.splitlines() if line and not line.startswith("#")]
    return [(int(number), int(width), int(height), name) for number, width, height, name in lines]


MAP_NAMES: dict[int, str] = {number: name for number, _, _, name in _rows()}
MAP_SIZES: dict[int, tuple[int, int]] = {number: (width, height) for number, width, height, _ in _rows()}
"""Map id: width and height in blocks of 2 x 2 steps."""
MAP_STEPS = {number: (BLOCK * width, BLOCK * height) for number, (width, height) in MAP_SIZES.items()}
"""Map id: width and height in steps."""

_SECOND_BADGE = 1 + progress_order().index(65)
PROGRESS_ORDER = progress_order()[:_SECOND_BADGE]
"""Map ids up to the second badge, in order of progress (see envs.game.progress)."""
LATER_ORDER = progress_order()[_SECOND_BADGE:]
"""Map ids of the rest of the game, in order of progress."""


def map_name(map_id: int) -> str:
    """Return the name of a map, or "map N" for an unknown id."""
    return MAP_NAMES.get(map_id, f"map {map_id}")


def map_steps(map_id: int) -> tuple[int, int] | None:
    """Return width and height of a map in steps, or None for an unknown id."""
    return MAP_STEPS.get(map_id)
