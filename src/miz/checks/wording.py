"""The check's own sentences. Everything else it says stands in the tables."""

from miz.knowledge.resolution import Question
from miz.wire.client_protocol import Severity

QUESTIONS: dict[Question, str] = {
    "strength": "“{text}”: the strength is missing. The more careful meaning was taken; please ask.",
    "form": "“{text}”: the dosage form is missing (gel, cream and eye drops act otherwise than tablets). It was judged like tablets.",
    "addition": "“{text}”: with or without vasoconstrictor is not stated. It was judged with epinephrine; please state it.",
    "time": "“{text}”: when it happened is missing. It was judged as recent; please ask.",
    "suffix": "“{text}”: the addition to the name was not judged.",
    "ingredient": "“{text}” holds an ingredient of which the drug data say nothing; that part was not checked.",
}
NOT_RECOGNISED = {
    "medication": "Not checked: “{text}” is no entry of the drug data.",
    "planned": "Not checked: “{text}” is neither a known procedure nor a known drug.",
    "condition": "Not checked: the condition “{text}” is not in the drug data.",
    "allergy": "Not checked: the allergy “{text}” is not in the drug data.",
}
UNRESOLVED_TITLE = "Not recognised: {text}"
UNRESOLVED_EFFECT = "What is not recognised is not checked."
UNRESOLVED_ACTION = "Check the spelling or check it by hand."
MEANT = "Did you mean: {names}?"

NOTHING_PLANNED = "Nothing is planned: the risks are general."
MEDICATION_UNKNOWN = "Medication was not asked for: interactions with it are not checked."
ALLERGIES_UNKNOWN = "Allergies were not asked for: they are not checked."
CONDITIONS_UNKNOWN = "Conditions were not asked for: they are not checked."
REACTION = "Kind and time of an allergic reaction are not judged yet: every allergy counts as severe."
AGE_65 = "Suitability from age 65 (PRISCUS) is not checked yet."
AGE_18 = "Minimum ages and doses for children are not checked yet."
PREGNANCY = "Pregnancy is not checked yet."
LACTATION = "Breast-feeding is not checked yet."
KIDNEY = "Doses by kidney function (eGFR) are not checked yet."
ANAESTHETIC = "The maximum dose of local anaesthetics is not computed yet."
DUPLICATE = "Duplicates are only checked as far as a rule names them: {names} stands more than once."
PROPHYLAXIS = "The drug and dose of a prophylaxis are not computed yet."

AFFECTED: dict[Severity, str] = {
    "contraindicated": "Must not be used with: {condition}.",
    "warning": "Best avoided, or only after consultation, with: {condition}.",
    "caution": "With care with: {condition}.",
    "info": "To be known with: {condition}.",
}
AFFECTED_PROCEDURE: dict[Severity, str] = {
    "contraindicated": "Must not be done with: {condition}.",
    "warning": "Best postponed, or only after consultation, with: {condition}.",
    "caution": "With care with: {condition}.",
    "info": "To be known with: {condition}.",
}
PROPHYLAXIS_TITLE = "Endocarditis prophylaxis: {condition}"
PROPHYLAXIS_NEEDED = "{condition} and {procedure} together call for endocarditis prophylaxis."
PROPHYLAXIS_CONSIDER = "{condition} and {procedure} together: consider endocarditis prophylaxis."
ALLERGIC = "{drug} is covered by the recorded allergy: {allergy}."
CROSS_REACTION = "{drug} may react across with the recorded allergy: {allergy}."
ALLERGY_ACTIONS: dict[Severity, str] = {
    "contraindicated": "Do not use; choose something else.",
    "warning": "Avoid, or clarify with an allergist first.",
    "caution": "Ask for kind and time of the reaction; then with care.",
    "info": "Know it; no action needed as a rule.",
}
ALLERGY_TITLE = "{drug}: allergy to {allergy}"
