"""Names for people and streets: common ones, combined at random, belonging to nobody."""

FIRST_NAMES = (
    "Aaliyah", "Adam", "Aisha", "Alice", "Amara", "Ana", "Andre", "Anita", "Ben", "Bianca", "Bruno", "Camila", "Carl",
    "Chloe", "Daniel", "Darius", "Diana", "Elena", "Eli", "Emma", "Erik", "Fatima", "Felix", "Grace", "Hana", "Hugo",
    "Imani", "Ines", "Isaac", "Ivan", "Jada", "James", "Jasmine", "Joel", "Jonas", "Julia", "Kai", "Karim", "Keisha",
    "Kofi", "Lara", "Leo", "Lin", "Lucia", "Malik", "Maria", "Marta", "Mei", "Mila", "Nadia", "Nina", "Noah", "Olga",
    "Omar", "Oscar", "Paul", "Priya", "Rafael", "Rosa", "Ruth", "Sam", "Sara", "Simon", "Sofia", "Tariq", "Teresa",
    "Theo", "Uma", "Victor", "Vera", "Wei", "Yara", "Yusuf", "Zoe",
)  # fmt: skip
LAST_NAMES = (
    "Abbott", "Adeyemi", "Alvarez", "Bailey", "Banerjee", "Becker", "Bennett", "Bianchi", "Brooks", "Castillo", "Chen",
    "Cohen", "Cole", "Cruz", "Dang", "Davies", "Diallo", "Duarte", "Ellis", "Farah", "Fischer", "Flores", "Foster",
    "Garcia", "Gupta", "Haddad", "Hansen", "Hayes", "Hill", "Howard", "Ivanov", "Jensen", "Jordan", "Kaplan", "Kelly",
    "Khan", "Kim", "Kowalski", "Lambert", "Lee", "Lopez", "Marsh", "Mbeki", "Mendoza", "Meyer", "Mills", "Moreau",
    "Murphy", "Nakamura", "Nguyen", "Novak", "Okafor", "Ortiz", "Park", "Patel", "Perez", "Popov", "Quinn", "Ramirez",
    "Reed", "Reyes", "Rossi", "Russo", "Sanchez", "Santos", "Schmidt", "Silva", "Singh", "Sloan", "Sousa", "Stone",
    "Tanaka", "Torres", "Usman", "Vargas", "Vega", "Walsh", "Ward", "Weber", "Wong", "Young", "Zhang",
)  # fmt: skip
STREETS = (
    "Alder Street", "Ash Avenue", "Bayberry Road", "Beech Street", "Birchwood Drive", "Canal Street", "Cedar Lane",
    "Chestnut Street", "Church Street", "Clay Street", "Clover Lane", "Cypress Avenue", "Depot Street", "Elm Street",
    "Fairview Road", "Ferry Road", "Garden Street", "Grove Avenue", "Harbor Road", "Hickory Lane", "High Street",
    "Hillcrest Drive", "Juniper Way", "Lake Street", "Laurel Avenue", "Linden Street", "Locust Street",
    "Magnolia Drive", "Main Street", "Maple Avenue", "Market Street", "Meadow Lane", "Mill Road", "Oak Street",
    "Orchard Road", "Park Avenue", "Pine Street", "Poplar Street", "Prospect Street", "Quarry Road", "Ridge Road",
    "River Road", "School Street", "Spring Street", "Spruce Street", "Station Road", "Sycamore Street", "Union Street",
    "Valley Road", "Walnut Street", "Water Street", "Willow Lane",
)  # fmt: skip
CARS = (
    "white van", "blue sedan", "red hatchback", "grey pickup", "black SUV", "green wagon", "silver sedan",
    "yellow compact", "brown pickup", "white SUV",
)  # fmt: skip
